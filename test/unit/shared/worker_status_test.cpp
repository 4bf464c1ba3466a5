#include "pg_hello/shared/worker_status.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "support/shared_memory.h"

namespace pg_hello::shared {
namespace {

std::size_t PathIndex(std::string_view path) { return HttpPathIndex(path.data(), path.size()); }

TEST(WorkerStatusTest, EveryKnownPathHasItsOwnIndex) {
  for (std::size_t i = 0; i + 1 < kHttpPaths.size(); ++i) {
    EXPECT_EQ(PathIndex(kHttpPaths[i]), i);
  }
}

TEST(WorkerStatusTest, UnknownPathsAreOther) {
  const std::size_t other = kHttpPaths.size() - 1;
  EXPECT_STREQ(kHttpPaths[other], "other");
  for (const std::string_view path :
       {"", "/metric", "/metricsx", "/metrics/", "/METRICS", "//", "other", "/health?x=1"}) {
    EXPECT_EQ(PathIndex(path), other) << path;
  }
  EXPECT_EQ(PathIndex(std::string_view("/metrics\0", 9)), other);
}

TEST(WorkerStatusTest, APathNeedsNoTerminatingNul) {
  EXPECT_EQ(HttpPathIndex("/metrics?format=text", std::strlen("/metrics")), 0U);
  EXPECT_EQ(HttpPathIndex(nullptr, 0), kHttpPaths.size() - 1);
}

TEST(WorkerStatusTest, EveryKnownCodeHasItsOwnIndex) {
  for (std::size_t i = 0; i + 1 < kHttpCodes.size(); ++i) {
    EXPECT_EQ(HttpCodeIndex(std::atoi(kHttpCodes[i])), i);
  }
}

TEST(WorkerStatusTest, UnknownCodesAreOther) {
  const std::size_t other = kHttpCodes.size() - 1;
  EXPECT_STREQ(kHttpCodes[other], "other");
  for (const int code : {-1, 0, 100, 201, 204, 418, 502, 20'000}) {
    EXPECT_EQ(HttpCodeIndex(code), other) << code;
  }
}

TEST(WorkerStatusTest, ZeroedMemoryIsAWorkerThatNeverRan) {
  const testing::Zeroed<WorkerStatus> worker;
  EXPECT_EQ(worker->pid, 0U);
  EXPECT_EQ(worker->listening, 0U);
  EXPECT_STREQ(worker->listen_text.Read()->addresses, "");
  EXPECT_STREQ(worker->listen_text.Read()->error, "");
}

}  // namespace
}  // namespace pg_hello::shared
