// The rules of each check at their thresholds, and both ways of writing a report.
#include "pg_hello/health/health_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <locale>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "../exposition/sample_snapshots.h"

namespace pg_hello::health {
namespace {

using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeSnapshot;

Check Find(const HealthReport& report, std::string_view name) {
  const auto check = std::find_if(report.checks.begin(), report.checks.end(),
                                  [name](const Check& c) { return c.name == name; });
  if (check == report.checks.end()) {
    ADD_FAILURE() << "no check " << name;
    return Check{.name = ""};
  }
  return *check;
}

Check CheckOf(const snapshot::Snapshot& snapshot, std::string_view name) {
  return Find(MakeReport(snapshot), name);
}

TEST(HealthReportTest, PassesForAHealthyServer) {
  const HealthReport report = MakeReport(MakeSnapshot());
  EXPECT_EQ(report.status, Status::kPass);
  EXPECT_EQ(report.checks.size(), 7U);
  for (const Check& check : report.checks) {
    EXPECT_EQ(check.status, Status::kPass) << check.name;
    EXPECT_EQ(check.output, "") << check.name;
  }
}

TEST(HealthReportTest, ShowsUptimeInSeconds) {
  const Check check = CheckOf(MakeSnapshot(), "worker:uptime");
  EXPECT_EQ(std::get<std::uint64_t>(check.observed), 7200U);
  EXPECT_STREQ(check.unit, "s");
}

TEST(HealthReportTest, HeartbeatWarnsAfterTenSecondsAndFailsAfterSixty) {
  const struct {
    std::int64_t age_us;
    Status status;
  } cases[] = {{0, Status::kPass},          {10'000'000, Status::kPass},
               {10'000'001, Status::kWarn}, {60'000'000, Status::kWarn},
               {60'000'001, Status::kFail}, {-5'000'000, Status::kPass}};
  for (const auto& [age_us, status] : cases) {
    snapshot::Snapshot snapshot = MakeSnapshot();
    snapshot.worker.heartbeat_at_us = kNowUs - age_us;
    const Check check = CheckOf(snapshot, "worker:heartbeat");
    EXPECT_EQ(check.status, status) << age_us;
    EXPECT_EQ(check.output.empty(), status == Status::kPass) << age_us;
    EXPECT_EQ(MakeReport(snapshot).status, status);
  }
}

TEST(HealthReportTest, HeartbeatFailsIfTheWorkerNeverRan) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker = {};
  EXPECT_EQ(CheckOf(snapshot, "worker:heartbeat").status, Status::kFail);
  EXPECT_EQ(std::get<std::uint64_t>(CheckOf(snapshot, "worker:uptime").observed), 0U);
}

TEST(HealthReportTest, ListeningWarnsWithoutTheReasonWhichNamesFiles) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.listening = false;
  snapshot.worker.listen_error = "could not open token file \"/etc/secret\"";
  Check check = CheckOf(snapshot, "http:listening");
  EXPECT_EQ(check.status, Status::kWarn);
  EXPECT_NE(check.output, "");
  EXPECT_EQ(check.output.find("secret"), std::string::npos);
  EXPECT_EQ(std::get<std::string>(check.observed), "127.0.0.1:9797");
  snapshot.worker.listen_error.clear();
  check = CheckOf(snapshot, "http:listening");
  EXPECT_EQ(check.status, Status::kWarn);
  EXPECT_NE(check.output, "");
}

TEST(HealthReportTest, TableWarnsFromEightyPercentOn) {
  const struct {
    std::size_t used;
    double percent;
    Status status;
  } cases[] = {{0, 0, Status::kPass},
               {7'999, 79.9, Status::kPass},
               {8'000, 80, Status::kWarn},
               {10'000, 100, Status::kWarn}};
  for (const auto& [used, percent, status] : cases) {
    snapshot::Snapshot snapshot = MakeSnapshot();
    snapshot.functions_limit = 10'000;
    snapshot.functions_used = used;
    const Check check = CheckOf(snapshot, "functions:table");
    EXPECT_EQ(check.status, status) << used;
    EXPECT_EQ(std::get<double>(check.observed), percent) << used;
  }
}

TEST(HealthReportTest, TableWithoutRowsDoesNotDivideByZero) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions_limit = 0;
  EXPECT_EQ(CheckOf(snapshot, "functions:table").status, Status::kPass);
}

TEST(HealthReportTest, OverflowWarnsForCallsOfAnyDatabase) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "other", 2});
  snapshot.databases.push_back({7, "third", 3});
  const Check check = CheckOf(snapshot, "functions:overflow");
  EXPECT_EQ(check.status, Status::kWarn);
  EXPECT_EQ(std::get<std::uint64_t>(check.observed), 5U);
  EXPECT_EQ(check.since_us, snapshot.stats_reset_us);
}

TEST(HealthReportTest, PostgresPassesIfReadyOrStandbyOnly) {
  const struct {
    const char* postmaster;
    Status status;
  } cases[] = {{"ready", Status::kPass},    {"standby", Status::kPass}, {"starting", Status::kFail},
               {"stopping", Status::kFail}, {"", Status::kFail},        {"odd", Status::kFail}};
  for (const auto& [postmaster, status] : cases) {
    snapshot::Snapshot snapshot = MakeSnapshot();
    snapshot.server.postmaster_status = postmaster;
    const HealthReport report = MakeReport(snapshot);
    EXPECT_EQ(Find(report, "postgres:status").status, status) << postmaster;
    EXPECT_EQ(report.status, status) << postmaster;
  }
}

TEST(HealthReportTest, StatusIsTheWorstOfAllChecks) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases[0].overflow_calls = 1;
  EXPECT_EQ(MakeReport(snapshot).status, Status::kWarn);
  snapshot.server.postmaster_status = "stopping";
  EXPECT_EQ(MakeReport(snapshot).status, Status::kFail);
}

TEST(HealthReportTest, JsonHasTheFieldsOfTheDraft) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases[0].overflow_calls = UINT64_MAX;
  const std::string text = ToJson(MakeReport(snapshot));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("status"), "warn");
  EXPECT_EQ(json.at("version"), "1");
  EXPECT_EQ(json.at("releaseId"), "1.0");
  ASSERT_EQ(json.at("checks").size(), 7U);
  for (const auto& [name, details] : json.at("checks").items()) {
    ASSERT_TRUE(details.is_array() && details.size() == 1) << name;
    EXPECT_EQ(details[0].at("time"), "2026-11-23T06:13:20.500Z") << name;
    EXPECT_TRUE(details[0].contains("observedValue")) << name;
    EXPECT_EQ(details[0].contains("output"), details[0].at("status") != "pass") << name;
  }
  const auto& overflow = json.at("checks").at("functions:overflow")[0];
  EXPECT_EQ(overflow.at("observedValue"), UINT64_MAX);
  EXPECT_EQ(overflow.at("observedUnit"), "count");
  EXPECT_EQ(overflow.at("since"), "2026-11-23T04:13:20.500Z");
  EXPECT_EQ(json.at("checks").at("worker:heartbeat")[0].at("observedValue"), 0.25);
  EXPECT_FALSE(json.at("checks").at("http:listening")[0].contains("observedUnit"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(HealthReportTest, JsonKeepsTheOrderOfTheChecks) {
  const std::string text = ToJson(MakeReport(MakeSnapshot()));
  EXPECT_LT(text.find("\"status\""), text.find("\"checks\""));
  EXPECT_LT(text.find("worker:uptime"), text.find("functions:table"));
  EXPECT_LT(text.find("functions:table"), text.find("postgres:status"));
}

TEST(HealthReportTest, JsonIsValidWhateverTheBytes) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.listen_addresses = "\xE2\x82";
  snapshot.server.library_version = "\x80";
  snapshot.server.postmaster_status = "\xF0 \"quoted\" \\ \n \x01";
  std::string text;
  ASSERT_NO_THROW(text = ToJson(MakeReport(snapshot)));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("releaseId"), "\xEF\xBF\xBD");
  EXPECT_EQ(json.at("checks").at("http:listening")[0].at("observedValue"), "\xEF\xBF\xBD");
  EXPECT_EQ(json.at("checks").at("postgres:status")[0].at("output"),
            "PostgreSQL's status is \xEF\xBF\xBD \"quoted\" \\ \n \x01");
}

TEST(HealthReportTest, JsonTimesAreRfc3339) {
  const struct {
    std::int64_t us;
    const char* text;
  } cases[] = {{1, "1970-01-01T00:00:00.000Z"},
               {951'782'400'000'000, "2000-02-29T00:00:00.000Z"},
               {1'709'251'199'999'999, "2024-02-29T23:59:59.999Z"},
               {-1, "1969-12-31T23:59:59.999Z"},
               {253'402'300'799'000'000, "9999-12-31T23:59:59.000Z"}};
  for (const auto& [us, text] : cases) {
    HealthReport report;
    report.time_us = us;
    report.checks.push_back(Check{.name = "a:b"});
    const auto json = nlohmann::json::parse(ToJson(report));
    EXPECT_EQ(json.at("checks").at("a:b")[0].at("time"), text);
  }
}

class CommaNumbers final : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(HealthReportTest, JsonDoesNotDependOnTheLocale) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases[0].overflow_calls = 1'234'567;
  const std::string before = ToJson(MakeReport(snapshot));
  const std::locale previous =
      std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
  EXPECT_EQ(ToJson(MakeReport(snapshot)), before);
  std::locale::global(previous);
}

TEST(HealthReportTest, ReadyTextIsShortUnlessAsked) {
  const HealthReport report = MakeReport(MakeSnapshot());
  EXPECT_TRUE(IsReady(report));
  EXPECT_EQ(ReadyText(report, false), "ok\n");
  EXPECT_EQ(ReadyText(report, true),
            "[+]worker:heartbeat ok\n[+]postgres:status ok\nreadyz check passed\n");
}

TEST(HealthReportTest, ReadyTextSaysWhatFails) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.server.postmaster_status = "starting";
  const HealthReport report = MakeReport(snapshot);
  EXPECT_FALSE(IsReady(report));
  EXPECT_EQ(ReadyText(report, false),
            "[-]postgres:status failed: PostgreSQL's status is starting\nreadyz check failed\n");
  EXPECT_EQ(ReadyText(report, true),
            "[+]worker:heartbeat ok\n"
            "[-]postgres:status failed: PostgreSQL's status is starting\nreadyz check failed\n");
}

TEST(HealthReportTest, WarningsDoNotMakeItUnready) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.heartbeat_at_us = kNowUs - 30'000'000;
  snapshot.worker.listening = false;
  snapshot.databases[0].overflow_calls = 1;
  EXPECT_TRUE(IsReady(MakeReport(snapshot)));
  snapshot.worker.heartbeat_at_us = kNowUs - 61'000'000;
  EXPECT_FALSE(IsReady(MakeReport(snapshot)));
}

}  // namespace
}  // namespace pg_hello::health
