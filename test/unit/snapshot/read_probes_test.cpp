// The board's rows in a snapshot.
#include <gtest/gtest.h>

#include "pg_hello/snapshot/snapshot.h"
#include "support/shared_memory.h"

namespace pg_hello::snapshot {
namespace {

using pg_hello::testing::kCreatedUs;
using pg_hello::testing::NameOf;
using pg_hello::testing::SharedMemory;

void AddRow(shared::ProbeBoard& board, std::uint32_t dbid, const char* name) {
  shared::ProbedDatabase row{};
  row.dbid = dbid;
  row.name = NameOf(name);
  row.visited_us = kCreatedUs;
  row.results[2].state = shared::ProbeState::kPassed;
  board.rows[board.rows_end].Publish(row);
  ++board.rows_end;
}

TEST(ReadProbesTest, RowsAreSortedByNameAndFreeOnesLeftOut) {
  const SharedMemory stats;
  AddRow(stats->probes, 11, "shop");
  AddRow(stats->probes, 0, "");
  AddRow(stats->probes, 10, "app");
  const Snapshot snapshot = TakeSummary(*stats, kCreatedUs, {});
  ASSERT_EQ(snapshot.probed_databases.size(), 2U);
  EXPECT_EQ(snapshot.probed_databases[0].datname, "app");
  EXPECT_EQ(snapshot.probed_databases[0].visited_us, kCreatedUs);
  EXPECT_EQ(snapshot.probed_databases[1].results[2].state, shared::ProbeState::kPassed);
}

TEST(ReadProbesTest, ADatabaseHasTheNameOfItsCounters) {
  const SharedMemory stats;
  stats->FindOrInsertDatabase(10, NameOf("new name"));
  AddRow(stats->probes, 10, "old name");
  EXPECT_EQ(Take(*stats, kCreatedUs, {}).probed_databases.at(0).datname, "new name");
}

TEST(ReadProbesTest, NamesAreUnique) {
  const SharedMemory stats;
  AddRow(stats->probes, 10, "twice");
  AddRow(stats->probes, 11, "twice");
  const Snapshot snapshot = TakeSummary(*stats, kCreatedUs, {});
  EXPECT_EQ(snapshot.probed_databases.at(0).datname, "twice");
  EXPECT_EQ(snapshot.probed_databases.at(1).datname, "twice~11");
}

TEST(ReadProbesTest, RoundsAreTheBoards) {
  const SharedMemory stats;
  stats->probes.interval_ms = 30'000;
  stats->probes.last_round_us = 17;
  stats->probes.lacks_slot = 1;
  stats->probes.Count(shared::NotProbed::kDatabaseBusy);
  const Snapshot snapshot = TakeSummary(*stats, kCreatedUs, {});
  EXPECT_EQ(snapshot.probe_rounds.interval_ms, 30'000);
  EXPECT_EQ(snapshot.probe_rounds.last_round_us, 17);
  EXPECT_TRUE(snapshot.probe_rounds.lacks_slot);
  EXPECT_EQ(snapshot.probe_rounds.not_probed[2], 1U);
}

}  // namespace
}  // namespace pg_hello::snapshot
