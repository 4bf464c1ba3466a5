// From an answer of /health to a finding.
#include "ctl/endpoint_verdict.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(EndpointVerdictTest, PassesWhatPasses) {
  const Finding finding = JudgeEndpoint("http://h", 200, R"({"status":"pass","checks":{}})");
  EXPECT_EQ(finding.severity, Severity::kOk);
  EXPECT_EQ(finding.message, "http://h says pass");
}

TEST(EndpointVerdictTest, NamesTheChecksThatDoNotPass) {
  const Finding finding = JudgeEndpoint("http://h", 503, R"({"status":"fail","checks":{
    "worker:heartbeat":[{"status":"fail","output":"it last turned 70 s ago"}],
    "worker:uptime":[{"status":"pass"}],
    "functions:overflow":[{"status":"warn"}]}})");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.message,
            "http://h says fail: functions:overflow, worker:heartbeat (it last turned 70 s ago)");
}

TEST(EndpointVerdictTest, WarnsOfWhatWarns) {
  EXPECT_EQ(JudgeEndpoint("u", 200, R"({"status":"warn"})").severity, Severity::kWarning);
}

TEST(EndpointVerdictTest, DoesNotKnowWhatIsNoReport) {
  for (const char* const body :
       {"", "<html>", "[]", "null", "{}", R"({"status":1})", R"({"status":"UP"})"}) {
    EXPECT_EQ(JudgeEndpoint("u", 200, body).severity, Severity::kUnknown) << body;
  }
}

TEST(EndpointVerdictTest, DoesNotTrustAStatusThatContradictsTheReport) {
  EXPECT_EQ(JudgeEndpoint("u", 404, R"({"status":"pass"})").severity, Severity::kUnknown);
  EXPECT_EQ(JudgeEndpoint("u", 200, R"({"status":"fail"})").severity, Severity::kUnknown);
}

TEST(EndpointVerdictTest, BearsAReportOfAnotherShape) {
  EXPECT_EQ(JudgeEndpoint("u", 503, R"({"status":"fail","checks":[1]})").message, "u says fail");
  EXPECT_EQ(JudgeEndpoint("u", 503, R"({"status":"fail","checks":{"a":1,"b":[2]}})").message,
            "u says fail");
}

}  // namespace
}  // namespace pg_hello::ctl
