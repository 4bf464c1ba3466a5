// What health makes of probes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../exposition/sample_snapshots.h"
#include "health/checks.h"

namespace pg_hello::health {
namespace {

using pg_hello::testing::FailFrom;
using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeProbed;
using pg_hello::testing::MakeSnapshot;

snapshot::Snapshot Probed() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.probe_rounds.interval_ms = 30'000;
  snapshot.probe_rounds.enabled_us = kNowUs - 7'200'000'000;
  snapshot.probe_rounds.last_round_us = kNowUs - 12'000'000;
  snapshot.probed_databases.push_back(MakeProbed(5, "app"));
  return snapshot;
}

std::vector<Check> ChecksOf(const snapshot::Snapshot& snapshot) {
  std::vector<Check> checks;
  ProbeChecks(snapshot, checks);
  return checks;
}

TEST(ProbeChecksTest, ThereAreNoneWithoutProbes) { EXPECT_TRUE(ChecksOf(MakeSnapshot()).empty()); }

TEST(ProbeChecksTest, EachDatabaseIsACheck) {
  snapshot::Snapshot snapshot = Probed();
  snapshot.probed_databases.push_back(MakeProbed(6, "shop"));
  const std::vector<Check> checks = ChecksOf(snapshot);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(checks[0].name, "probes:rounds");
  EXPECT_EQ(std::get<double>(checks[0].observed), 12.0);
  EXPECT_EQ(checks[2].name, "probes:database:shop");
  EXPECT_EQ(checks[2].status, Status::kPass);
  EXPECT_EQ(checks[2].output, "");
}

TEST(ProbeChecksTest, AFailingProbeIsAWarningThatSaysWhy) {
  snapshot::Snapshot snapshot = Probed();
  FailFrom(snapshot.probed_databases[0], 3, "no answer");
  FailFrom(snapshot.probed_databases[0], 5, "wrong");
  const Check check = ChecksOf(snapshot).at(1);
  EXPECT_EQ(check.status, Status::kWarn);
  EXPECT_EQ(std::get<std::uint64_t>(check.observed), 2U);
  EXPECT_EQ(check.output, "pg_hello: no answer; spi_version: wrong");
}

TEST(ProbeChecksTest, RoundsWarnWhenTheyAreLate) {
  snapshot::Snapshot snapshot = Probed();
  snapshot.probe_rounds.last_round_us = kNowUs - 120'000'000;
  EXPECT_EQ(ChecksOf(snapshot).at(0).status, Status::kPass);
  snapshot.probe_rounds.last_round_us = kNowUs - 121'000'000;
  EXPECT_EQ(ChecksOf(snapshot).at(0).status, Status::kWarn);
  snapshot.probe_rounds.last_round_us = 0;
  EXPECT_EQ(ChecksOf(snapshot).at(0).status, Status::kWarn) << "none since they were switched on";
  snapshot.server.in_recovery = true;
  EXPECT_EQ(ChecksOf(snapshot).at(0).status, Status::kPass) << "it may take no connections";
  snapshot.probe_rounds.lacks_slot = true;
  EXPECT_EQ(ChecksOf(snapshot).at(0).output,
            "databases are not probed: no free background worker slot");
}

}  // namespace
}  // namespace pg_hello::health
