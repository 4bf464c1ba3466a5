// Objectives at their limits.
#include "ctl/objectives.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(ObjectivesTest, AreTheGuidesUnlessToldOtherwise) {
  EXPECT_EQ(Objectives().p95_ms, 10);
  EXPECT_EQ(Objectives().error_percent, 0.1);
}

TEST(ObjectivesTest, AreMetBelowTheirLimitsOnly) {
  const struct {
    double p95_ms;
    std::uint64_t errors;
    Severity latency;
    Severity error_rate;
  } cases[] = {
      {9.999, 0, Severity::kOk, Severity::kOk},
      {10.0, 9, Severity::kWarning, Severity::kOk},
      {0.01, 10, Severity::kOk, Severity::kWarning},
      {99.0, 10'000, Severity::kWarning, Severity::kWarning},
  };
  for (const auto& [p95_ms, errors, latency, error_rate] : cases) {
    const Findings findings = JudgeCounters("d", {{"f()", 10'000, errors, p95_ms}}, {});
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].check, "latency");
    EXPECT_EQ(findings[0].severity, latency) << p95_ms;
    EXPECT_EQ(findings[1].check, "errors");
    EXPECT_EQ(findings[1].severity, error_rate) << errors;
  }
}

TEST(ObjectivesTest, OfTheServerAreMissedByMoreThanTheyAllow) {
  const Findings findings =
      JudgeServerObjectives({{"a", 0.95, 20, 1}, {"b", 0.95, 20, 2}, {"idle", 0.999, 0, 0}});
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].severity, Severity::kOk);
  EXPECT_EQ(findings[0].message,
            "objective \"a\": 1 of 20 calls in the last hour failed or were too slow (5 %), not "
            "more than 5 %");
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_EQ(findings[1].message,
            "objective \"b\": 2 of 20 calls in the last hour failed or were too slow (10 %), "
            "more than 5 %");
  EXPECT_EQ(findings[2].severity, Severity::kOk);
  EXPECT_EQ(findings[2].message, "objective \"idle\": no calls in the last hour");
  EXPECT_EQ(findings[2].database, "");
}

TEST(ObjectivesTest, LookAtTheSlowestFunctionAndAtAllErrors) {
  const Findings findings =
      JudgeCounters("d", {{"a()", 10, 0, 1.5}, {"b()", 20, 1, 12.25}, {"c()", 0, 0, {}}}, {});
  EXPECT_EQ(findings[0].message, "p95 of b() is 12.25 ms, not below 10 ms");
  EXPECT_EQ(findings[1].message, "1 of 30 calls ended in an error (3.333 %), not below 0.1 %");
}

TEST(ObjectivesTest, AreNotBrokenByWhatHasNotHappened) {
  for (const Findings& findings :
       {JudgeCounters("d", {}, {}), JudgeCounters("d", {{"f()", 0, 0, {}}}, {})}) {
    EXPECT_EQ(Worst(findings), Severity::kOk);
    EXPECT_EQ(findings[0].message, "no call of its functions was timed yet");
    EXPECT_EQ(findings[1].message, "no call of its functions was counted yet");
  }
}

}  // namespace
}  // namespace pg_hello::ctl
