// What the collector says of itself, and what is made of it.
#include "ctl/collector_verdict.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

CollectorInfo Healthy() {
  return {.worker_pid = 17,
          .heartbeat_age_seconds = 0,
          .listening = true,
          .listen_addresses = "127.0.0.1",
          .port = 9797,
          .tracked_functions = 3,
          .max_functions = 5000};
}

Finding Judged(const CollectorInfo& info, const std::string& check) {
  for (const Finding& finding : JudgeCollector(info)) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << "no finding " << check;
  return {};
}

TEST(CollectorVerdictTest, FindsNothingWrongWhereNothingIs) {
  EXPECT_EQ(Worst(JudgeCollector(Healthy())), Severity::kOk);
  EXPECT_EQ(Judged(Healthy(), "port").message, "metrics are served on 127.0.0.1, port 9797");
}

TEST(CollectorVerdictTest, TellsAMissingWorkerFromALateOne) {
  const struct {
    std::optional<std::int64_t> pid;
    std::optional<std::int64_t> age;
    Severity severity;
  } cases[] = {{17, 10, Severity::kOk},       {17, 11, Severity::kWarning},
               {17, 60, Severity::kWarning},  {17, 61, Severity::kCritical},
               {17, {}, Severity::kCritical}, {{}, 0, Severity::kCritical}};
  for (const auto& [pid, age, severity] : cases) {
    CollectorInfo info = Healthy();
    info.worker_pid = pid;
    info.heartbeat_age_seconds = age;
    EXPECT_EQ(Judged(info, "worker").severity, severity) << age.value_or(-1);
  }
}

TEST(CollectorVerdictTest, WarnsOfRestarts) {
  CollectorInfo info = Healthy();
  info.worker_restarts = 2;
  EXPECT_EQ(Judged(info, "worker").severity, Severity::kWarning);
}

TEST(CollectorVerdictTest, SaysWhyNothingIsServed) {
  CollectorInfo info = Healthy();
  info.listen_error = "address already in use";
  EXPECT_EQ(Judged(info, "port").severity, Severity::kWarning) << "another address works";
  info.listening = false;
  EXPECT_EQ(Judged(info, "port").severity, Severity::kCritical);
  EXPECT_EQ(Judged(info, "port").message, "metrics are not served: address already in use");
  info.listen_error.clear();
  EXPECT_EQ(Judged(info, "port").severity, Severity::kWarning) << "nobody wants it served";
}

TEST(CollectorVerdictTest, WarnsOfCallsThatHadNoRoom) {
  CollectorInfo info = Healthy();
  info.overflow_calls = 1;
  EXPECT_EQ(Judged(info, "room").severity, Severity::kWarning);
}

}  // namespace
}  // namespace pg_hello::ctl
