// The rules of each check at their thresholds, and both ways of writing a report.
#include "pg_hello/health/health_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <locale>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "../exposition/sample_snapshots.h"
#include "pg_hello/health/status_history.h"

namespace pg_hello::health {
namespace {

using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeSlo;
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
  EXPECT_EQ(report.checks.size(), 9U);
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

TEST(HealthReportTest, RefusedConnectionsWarnForFiveMinutes) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  EXPECT_EQ(CheckOf(snapshot, "http:refused").status, Status::kPass);
  snapshot.worker.connections_refused = 3;
  for (const auto& [age_us, status] :
       {std::pair{std::int64_t{300'000'000}, Status::kWarn}, {300'000'001, Status::kPass}}) {
    snapshot.worker.refused_at_us = kNowUs - age_us;
    const Check check = CheckOf(snapshot, "http:refused");
    EXPECT_EQ(check.status, status) << age_us;
    EXPECT_EQ(std::get<std::uint64_t>(check.observed), 3U);
    EXPECT_EQ(check.since_us, snapshot.worker.started_at_us);
  }
}

TEST(HealthReportTest, ACertificateWarnsTwoWeeksAheadAndFailsWhenItHasExpired) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  const std::int64_t two_weeks = std::int64_t{14} * 24 * 3600;
  const struct {
    std::int64_t seconds;
    Status status;
    const char* output;
  } cases[] = {{two_weeks, Status::kPass, ""},
               {two_weeks - 1, Status::kWarn, "the certificate expires in 335 h"},
               {1, Status::kWarn, "the certificate expires in 0 h"},
               {0, Status::kFail, "the certificate has expired"},
               {-5, Status::kFail, "the certificate has expired"}};
  for (const auto& [seconds, status, output] : cases) {
    snapshot.worker.certificate_expires_at_us = kNowUs + seconds * 1'000'000;
    const HealthReport report = MakeReport(snapshot);
    const Check check = Find(report, "tls:certificate");
    EXPECT_EQ(check.status, status) << seconds;
    EXPECT_EQ(check.output, output);
    EXPECT_EQ(std::get<std::int64_t>(check.observed), seconds);
    EXPECT_TRUE(IsReady(report)) << "PostgreSQL itself is well";
  }
}

TEST(HealthReportTest, AnObjectiveWarnsWhileItsBudgetBurnsFast) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.slos = {MakeSlo("a", 990'000'000, 0)};
  shared::SloRecord& slo = snapshot.slos[0];
  for (const char* name : {"slo:a:5m", "slo:a:1h"}) {
    const Check idle = CheckOf(snapshot, name);
    EXPECT_EQ(idle.status, Status::kPass) << name;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(idle.observed)) << "neither 0 nor 100 %";
    EXPECT_EQ(idle.since_us, slo.since_us);
  }
  slo.last_5_minutes = {{100, 10}, 301'000};
  slo.last_hour = {{1'000, 150}, 3'601'000};
  EXPECT_EQ(CheckOf(snapshot, "slo:a:5m").status, Status::kPass) << "not fast enough any more";
  EXPECT_DOUBLE_EQ(std::get<double>(CheckOf(snapshot, "slo:a:5m").observed), 10);
  EXPECT_DOUBLE_EQ(std::get<double>(CheckOf(snapshot, "slo:a:1h").observed), 15);
  slo.last_5_minutes.events.bad = 20;
  EXPECT_EQ(CheckOf(snapshot, "slo:a:5m").output,
            "20 of 100 calls failed or were too slow in the last 301 s");
  const Check hour = CheckOf(snapshot, "slo:a:1h");
  EXPECT_EQ(hour.status, Status::kWarn);
  EXPECT_EQ(hour.output, "150 of 1000 calls failed or were too slow in the last 3601 s");
  EXPECT_EQ(MakeReport(snapshot).status, Status::kWarn) << "and it never fails";
  HealthReport report = MakeReport(snapshot);
  Exclude("slo:a", report);
  EXPECT_EQ(report.status, Status::kPass);
}

TEST(HealthReportTest, RecoveryIsShownAndIsWell) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  EXPECT_FALSE(std::get<bool>(CheckOf(snapshot, "postgres:recovery").observed));
  snapshot.server.in_recovery = true;
  EXPECT_TRUE(std::get<bool>(CheckOf(snapshot, "postgres:recovery").observed));
  EXPECT_EQ(MakeReport(snapshot).status, Status::kPass);
}

TEST(HealthReportTest, EveryCheckHasItsOwnNameAndARule) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.certificate_expires_at_us = kNowUs;
  std::set<std::string> names;
  for (const Check& check : MakeReport(snapshot).checks) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_TRUE(check.name.find(':') != std::string::npos) << check.name;
    EXPECT_TRUE(std::string_view(check.rule).ends_with('.')) << check.name;
  }
}

TEST(HealthReportTest, WhatIsExcludedIsNotJudgedNorShown) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.listening = false;
  snapshot.server.postmaster_status = "starting";
  HealthReport report = MakeReport(snapshot);
  Exclude("postgres:status", report);
  EXPECT_EQ(report.status, Status::kWarn);
  EXPECT_TRUE(IsReady(report));
  EXPECT_EQ(ReadyText(report, false), "ok\n");
  EXPECT_EQ(ReadyText(report, true),
            "[+]worker:heartbeat ok\n[+]postgres:status excluded: ok\nreadyz check passed\n");
  for (const char* nothing : {"", "htt", "http:", "http:listenin", "nosuch"}) {
    Exclude(nothing, report);
    EXPECT_EQ(report.status, Status::kWarn) << nothing;
  }
  Exclude("http", report);
  EXPECT_EQ(report.status, Status::kPass);
  const auto checks = nlohmann::json::parse(ToJson(report)).at("checks");
  EXPECT_EQ(checks.size(), 5U);
  EXPECT_FALSE(checks.contains("http:connections"));
}

TEST(HealthReportTest, OneCheckOrOneComponentCanBeKept) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.listening = false;
  HealthReport report = MakeReport(snapshot);
  EXPECT_TRUE(Keep("http", report));
  EXPECT_EQ(report.checks.size(), 3U);
  EXPECT_EQ(report.status, Status::kWarn);
  EXPECT_TRUE(Keep("http:connections", report));
  EXPECT_EQ(report.status, Status::kPass);
  EXPECT_FALSE(Keep("http:connection", report));
  EXPECT_TRUE(report.checks.empty());
}

TEST(HealthReportTest, RulesAreThereForWhoAsks) {
  const HealthReport report = MakeReport(MakeSnapshot());
  const auto json = nlohmann::json::parse(ToJson(report, true));
  for (const auto& [name, details] : json.at("checks").items()) {
    EXPECT_NE(details[0].at("rule"), "") << name;
  }
  EXPECT_EQ(ToJson(report).find("\"rule\""), std::string::npos);
}

TEST(StatusHistoryTest, RemembersTheLastChangeOfEachCheck) {
  StatusHistory history;
  snapshot::Snapshot snapshot = MakeSnapshot();
  const auto since = [&](std::int64_t time_us, bool listening, const char* name) {
    snapshot.taken_at_us = time_us;
    snapshot.worker.heartbeat_at_us = time_us;
    snapshot.worker.listening = listening;
    HealthReport report = MakeReport(snapshot);
    EXPECT_EQ(Find(report, name).status_since_us, 0);
    history.Observe(report);
    return Find(report, name).status_since_us;
  };
  EXPECT_EQ(since(kNowUs, true, "http:listening"), kNowUs);
  EXPECT_EQ(since(kNowUs + 1, true, "http:listening"), kNowUs);
  EXPECT_EQ(since(kNowUs + 2, false, "http:listening"), kNowUs + 2);
  EXPECT_EQ(since(kNowUs + 3, false, "http:listening"), kNowUs + 2);
  EXPECT_EQ(since(kNowUs + 3, false, "postgres:status"), kNowUs);
  EXPECT_EQ(since(kNowUs + 4, true, "http:listening"), kNowUs + 4);
}

TEST(StatusHistoryTest, ACheckThatWasAwayBeginsAnew) {
  StatusHistory history;
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.certificate_expires_at_us = kNowUs + 1;
  HealthReport first = MakeReport(snapshot);
  history.Observe(first);
  snapshot.worker.certificate_expires_at_us = 0;
  HealthReport without = MakeReport(snapshot);
  history.Observe(without);
  snapshot.worker.certificate_expires_at_us = kNowUs + 1;
  HealthReport again = MakeReport(snapshot);
  again.time_us = kNowUs + 9;
  history.Observe(again);
  EXPECT_EQ(Find(first, "tls:certificate").status_since_us, kNowUs);
  EXPECT_EQ(Find(again, "tls:certificate").status_since_us, kNowUs + 9);
  EXPECT_NE(ToJson(again).find("\"statusSince\""), std::string::npos);
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
  ASSERT_EQ(json.at("checks").size(), 9U);
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
