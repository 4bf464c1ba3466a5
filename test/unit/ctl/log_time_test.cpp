// Moments of logs and of the command line.
#include "ctl/log_time.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>

namespace pg_hello::ctl {
namespace {

class LogTimeTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
};

TEST_F(LogTimeTest, IsWhatItSays) {
  const UnixMs moment = 1764037682123;  // 2025-11-25 02:28:02.123 UTC
  for (const char* const text : {"2025-11-25 02:28:02.123 UTC", "2025-11-25 03:28:02.123 CET",
                                 "2025-11-25T02:28:02.123Z", "2025-11-25 04:28:02.123 +02",
                                 "2025-11-24 20:58:02.123-05:30", "2025-11-25 03:28:02.123"}) {
    EXPECT_EQ(ParseTime(text), moment) << text;
  }
  EXPECT_EQ(ParseTime("2025-07-01 12:00 CEST"), 1751364000000);
  EXPECT_EQ(Iso8601(moment), "2025-11-25T02:28:02.123Z");
  EXPECT_EQ(Iso8601(-1), "1969-12-31T23:59:59.999Z");
}

TEST_F(LogTimeTest, IsNothingElse) {
  for (const char* const text :
       {"", "now", "2025-11-25", "2025-13-25 02:28", "2025-11-25 99:28", "2025-11-25 02:28:02.",
        "2025-11-25 02:28:02 U T C", "-025-11-25 02:28:02", "2025-11-25 02:28:02 +xx"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST_F(LogTimeTest, IsAlsoATimeAgo) {
  const UnixMs now = 1764037682123;
  EXPECT_EQ(ParseSince("90s", now), now - 90'000);
  EXPECT_EQ(ParseSince("30min", now), now - 30 * 60'000);
  EXPECT_EQ(ParseSince("12 h", now), now - 12 * 3'600'000);
  EXPECT_EQ(ParseSince("7d", now), now - 7LL * 86'400'000);
  EXPECT_EQ(ParseSince("2025-11-25", now), 1764025200000) << "midnight in the local zone";
  for (const char* const text : {"", "7", "7 weeks", "d", "-1d", "yesterday"}) {
    EXPECT_EQ(ParseSince(text, now), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pg_hello::ctl
