// Findings as lines, as JSON, and as an exit code.
#include "ctl/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pg_hello::ctl {
namespace {

const Findings kTwo = {{"installed", Severity::kOk, "a \"b\"", "is there", ""},
                       {"endpoint", Severity::kCritical, "", "no\n\tanswer", "start it"}};

TEST(ReportTest, IsALineForEachFinding) {
  EXPECT_EQ(AsText(kTwo, false),
            "ok: database \"a \"b\"\": is there\n"
            "critical: no answer; hint: start it\n");
}

TEST(ReportTest, HasColoursOnlyIfTheyAreWanted) {
  EXPECT_NE(AsText(kTwo, true).find("\033[31mcritical\033[0m: "), std::string::npos);
  EXPECT_EQ(AsText(kTwo, false).find('\033'), std::string::npos);
}

TEST(ReportTest, LetsNoNameControlATerminal) {
  const Findings findings = {{"x", Severity::kOk, "evil\033[2J\r\n", "m", ""}};
  EXPECT_EQ(AsText(findings, false), "ok: database \"evil [2J \": m\n");
}

TEST(ReportTest, IsOneLineOfJson) {
  const std::string text = AsJson(kTwo);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(text), nlohmann::json::parse(R"({"status":"critical","findings":[
    {"check":"installed","status":"ok","database":"a \"b\"","message":"is there"},
    {"check":"endpoint","status":"critical","message":"no\n\tanswer","hint":"start it"}]})"));
}

TEST(ReportTest, IsJsonWhateverBytesNamesHave) {
  const std::string text = AsJson({{"x", Severity::kOk, "caf\xe9", "m", ""}});
  EXPECT_EQ(nlohmann::json::parse(text)["findings"][0]["database"], "caf\xef\xbf\xbd");
}

TEST(ReportTest, EndsAsTheWorstFindingSays) {
  const auto worst = [](std::vector<Severity> severities) {
    Findings findings;
    for (const Severity severity : severities) findings.push_back({"x", severity});
    return ExitCode(Worst(findings));
  };
  EXPECT_EQ(worst({Severity::kOk, Severity::kOk}), 0);
  EXPECT_EQ(worst({Severity::kWarning, Severity::kOk}), 1);
  EXPECT_EQ(worst({Severity::kUnknown, Severity::kWarning}), 3);
  EXPECT_EQ(worst({Severity::kUnknown, Severity::kCritical, Severity::kWarning}), 2);
  EXPECT_EQ(worst({}), 3) << "nothing was looked at";
}

}  // namespace
}  // namespace pg_hello::ctl
