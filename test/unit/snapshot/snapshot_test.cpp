#include "pg_hello/snapshot/snapshot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pg_hello/pending/call_stack.h"
#include "pg_hello/pending/pending_stats.h"
#include "support/shared_memory.h"

namespace pg_hello::snapshot {
namespace {

using ::pg_hello::testing::FakeClock;
using ::pg_hello::testing::FindFunction;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::kCreatedUs;
using ::pg_hello::testing::kDbid;
using ::pg_hello::testing::NameOf;
using ::pg_hello::testing::Sample;
using ::pg_hello::testing::SharedMemory;
using ::pg_hello::testing::TakeSnapshot;
using ::pg_hello::testing::TrackedRef;

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() { stats_->FindOrInsertDatabase(kDbid, NameOf("db")); }

  // Entry number `entry` of the slot, as the row's.
  shared::PendingCounters& Pending(std::uint32_t slot, std::size_t entry,
                                   shared::FunctionRow& row) {
    stats_->HoldSlot(slot).owner[entry] = shared::MakeRowEpoch(stats_->RowNumber(row), row.epoch);
    return stats_->slot(slot).pending[entry];
  }

  SharedMemory stats_{shared::Dimensions{50, 4}};
};

TEST_F(SnapshotTest, ABlockInWhichNothingHappenedIsAnEmptySnapshot) {
  const SharedMemory fresh;
  ServerState server;
  server.library_version = "1.2.3";
  server.in_recovery = true;
  const Snapshot snapshot = Take(*fresh, kCreatedUs + 5, server);
  EXPECT_EQ(snapshot.taken_at_us, kCreatedUs + 5);
  EXPECT_EQ(snapshot.stats_reset_us, kCreatedUs);
  EXPECT_EQ(snapshot.functions_limit, 128U);
  EXPECT_EQ(snapshot.shared_memory_bytes, fresh->size());
  EXPECT_STREQ(snapshot.clock_source, "monotonic");
  EXPECT_TRUE(snapshot.functions.empty());
  EXPECT_TRUE(snapshot.databases.empty());
  EXPECT_EQ(snapshot.OverflowCalls(), 0U);
  EXPECT_EQ(snapshot.server.library_version, "1.2.3");
  EXPECT_TRUE(snapshot.server.in_recovery);
  EXPECT_EQ(snapshot.worker.pid, 0U);
  EXPECT_TRUE(snapshot.worker.http_requests.empty());
}

TEST_F(SnapshotTest, TotalsAreTheRowsAndAllSlotsPendingCountersTogether) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  shared::FunctionRow& other = Insert(*stats_, 2);
  row.counters.Record({4'000, 3'000, true});
  Pending(0, 0, row).Record({2'000, 1'000, true});
  Pending(2, 63, row).Record({9'000, 5'000, false});
  Pending(3, 7, row).Record({200'000, 5, true});
  Pending(3, 8, other).Record({1, 1, true});
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.functions.size(), 2U);
  const FunctionStats& function = snapshot.functions[0];
  EXPECT_EQ(function.key, testing::KeyOf(1));
  EXPECT_STREQ(function.identity.function, "f1()");
  EXPECT_EQ(snapshot.databases[function.database].datname, "db");
  EXPECT_EQ(function.stats_since_us, kCreatedUs);
  EXPECT_EQ(function.calls, 4U);
  EXPECT_EQ(function.inclusive_ns, 206'000U);
  EXPECT_EQ(function.duration_ns, 215'000U);
  EXPECT_EQ(function.self_ns, 9'005U);
  EXPECT_EQ(function.sum_squares_ns2, 16e6 + 4e6 + 81e6 + 4e10);
  EXPECT_EQ(function.min_ns, 2'000U);
  EXPECT_EQ(function.max_ns, 200'000U);
  for (const std::uint64_t ns : {4'000U, 2'000U, 9'000U, 200'000U}) {
    EXPECT_EQ(function.buckets[measure::BucketFor(ns)], 1U);
  }
  EXPECT_EQ(snapshot.functions[1].calls, 1U);
}

TEST_F(SnapshotTest, CallsAreTheTimedAndTheUntimedOnes) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  row.counters.Record(Sample(5));
  row.counters.Record(Sample(50'000));
  row.counters.untimed = 7;
  row.counters.errors = 2;
  row.counters.canceled = 1;
  row.counters.iterations = 12;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  const FunctionStats& function = snapshot.functions.at(0);
  EXPECT_EQ(function.calls, 9U);
  EXPECT_EQ(function.untimed, 7U);
  EXPECT_EQ(function.TimedCalls(), 2U);
  EXPECT_EQ(function.buckets[measure::BucketFor(5)], 1U);
  EXPECT_EQ(function.buckets[measure::BucketFor(50'000)], 1U);
  EXPECT_EQ(function.errors, 2U);
  EXPECT_EQ(function.canceled, 1U);
  EXPECT_EQ(function.iterations, 12U);
}

TEST_F(SnapshotTest, WithoutATimedCallTheMinimumIsZero) {
  Insert(*stats_, 1).counters.untimed = 1;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  EXPECT_EQ(snapshot.functions.at(0).min_ns, 0U);
  EXPECT_EQ(snapshot.functions.at(0).max_ns, 0U);
  EXPECT_EQ(snapshot.functions.at(0).calls, 1U);
}

// What a snapshot that was taken into an earlier one must have in common with one that was not.
void ExpectSame(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(a.functions_used, b.functions_used);
  ASSERT_EQ(a.functions.size(), b.functions.size());
  for (std::size_t i = 0; i < a.functions.size(); ++i) {
    const FunctionStats& x = a.functions[i];
    const FunctionStats& y = b.functions[i];
    EXPECT_EQ(x.key, y.key);
    EXPECT_EQ(std::memcmp(&x.identity, &y.identity, sizeof(x.identity)), 0);
    EXPECT_EQ(a.databases.at(x.database).datname, b.databases.at(y.database).datname);
    EXPECT_EQ(x.stats_since_us, y.stats_since_us);
    const auto numbers = [](const FunctionCounts& f) {
      return std::array{f.calls,      f.errors,      f.canceled, f.inclusive_ns,
                        f.self_ns,    f.duration_ns, f.min_ns,   f.max_ns,
                        f.iterations, f.untimed,     f.active,   f.TimedCalls()};
    };
    EXPECT_EQ(numbers(x), numbers(y)) << x.identity.function;
    EXPECT_EQ(x.sum_squares_ns2, y.sum_squares_ns2);
    EXPECT_TRUE(x.buckets == y.buckets);
    ASSERT_EQ(x.error_origins.size(), y.error_origins.size());
    for (std::size_t k = 0; k < x.error_origins.size(); ++k) {
      EXPECT_STREQ(x.error_origins[k].sqlstate_class, y.error_origins[k].sqlstate_class);
      EXPECT_EQ(x.error_origins[k].count, y.error_origins[k].count);
    }
  }
}

TEST_F(SnapshotTest, WithoutBucketsEverythingElseIsTheSame) {
  for (std::uint32_t funcid = 1; funcid <= 5; ++funcid) {
    shared::FunctionRow& row = Insert(*stats_, funcid);
    for (std::uint32_t i = 0; i < funcid; ++i) row.counters.Record(Sample(1'000 << i));
    row.counters.untimed = funcid % 3;
    Pending(0, funcid, row).Record({2, 1, true});
  }
  Snapshot everything = TakeSnapshot(*stats_);
  Snapshot kept = everything;
  TakeInto(kept, *stats_, kCreatedUs, {}, Detail::kWithoutBuckets);
  for (const FunctionStats& function : kept.functions) {
    EXPECT_TRUE(function.buckets.counts().empty());
  }
  for (FunctionStats& function : everything.functions) function.buckets.Clear();
  ExpectSame(kept, everything);
  TakeInto(kept, *stats_, kCreatedUs, {}, Detail::kEverything);
  ExpectSame(kept, TakeSnapshot(*stats_));
}

TEST_F(SnapshotTest, OneThatIsTakenIntoAnEarlierOneIsTheSame) {
  Snapshot kept{};
  std::uint64_t version = 0;
  const auto take = [&] {
    TakeInto(kept, *stats_, kCreatedUs, {});
    ExpectSame(kept, TakeSnapshot(*stats_));
    const bool same = kept.series_version == version;
    EXPECT_NE(kept.series_version, 0U);
    version = kept.series_version;
    return same;
  };
  for (std::uint32_t funcid = 1; funcid <= 20; ++funcid) {
    shared::FunctionRow& row = Insert(*stats_, funcid);
    for (std::uint32_t i = 0; i < funcid; ++i) row.counters.Record(Sample(1'000 << i));
    row.counters.untimed = funcid % 3;
  }
  shared::FunctionRow& third = *stats_->Find(testing::KeyOf(3));
  EXPECT_FALSE(take());
  EXPECT_TRUE(take()) << "nothing happened";

  third.counters.Record(Sample(5));
  third.counters.errors = 2;
  third.counters.error_origins.Add('2' | ('2' << 8));
  Pending(1, 0, third).Record({2'000, 1'000, true});
  EXPECT_TRUE(take()) << "calls change no series";

  shared::FunctionIdentity renamed = testing::IdentityOf(3);
  renamed.kind = 'p';
  stats_->FindOrInsert(third.Key(), renamed, kCreatedUs);
  EXPECT_FALSE(take()) << "a name has changed";
  stats_->FindOrInsert(third.Key(), renamed, kCreatedUs);
  EXPECT_TRUE(take());

  stats_->Remove(*stats_->Find(testing::KeyOf(20)));
  EXPECT_FALSE(take()) << "the last one is gone";
  stats_->Remove(*stats_->Find(testing::KeyOf(7)));
  EXPECT_FALSE(take()) << "one between others is gone";
  Insert(*stats_, 99).counters.Record(Sample(9));
  EXPECT_FALSE(take()) << "its row is another function's";

  stats_->Reset(*stats_->Find(testing::KeyOf(5)), kCreatedUs + 1);
  EXPECT_FALSE(take()) << "one was reset, and is the last";
  stats_->ResetAll(kCreatedUs + 2);
  EXPECT_FALSE(take()) << "they count since another time";
  EXPECT_TRUE(take());

  stats_->FindOrInsertDatabase(kDbid, NameOf("other"));
  EXPECT_FALSE(take()) << "the database has another name";
  EXPECT_TRUE(take());
}

// Seen between the first of its stores and the last: without a longest or a shortest call.
TEST_F(SnapshotTest, AFunctionsFirstCallIsNotThereBeforeAllOfItIs) {
  shared::FunctionRow& begun = Insert(*stats_, 1);
  shared::FunctionRow& nearly_done = Insert(*stats_, 2);
  Pending(0, 0, begun).buckets[30] = 1;
  Pending(0, 1, nearly_done).buckets[30] = 1;
  Pending(0, 1, nearly_done).max_ns = 5'000;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  for (const FunctionStats& function : snapshot.functions) {
    EXPECT_EQ(function.calls, 0U);
    EXPECT_EQ(function.min_ns, 0U);
    EXPECT_EQ(function.max_ns, 0U);
    EXPECT_EQ(function.buckets, Buckets{});
  }
}

// Each is counted in another range of buckets, below, above and around the others.
TEST_F(SnapshotTest, CallsOfAnyDurationAreAllInTheirBuckets) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  Buckets expected;
  const auto call = [&](auto& counters, std::uint64_t ns) {
    counters.Record(Sample(ns));
    ++expected[measure::BucketFor(ns)];
  };
  call(row.counters, 40'000);
  call(Pending(0, 0, row), 0);
  call(Pending(0, 0, row), 2'000);
  call(Pending(1, 0, row), UINT64_MAX / 4);
  call(Pending(1, 0, row), 300'000);
  call(Pending(2, 0, row), 1'000'000);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  const FunctionStats& function = snapshot.functions.at(0);
  EXPECT_EQ(function.buckets, expected);
  EXPECT_EQ(function.TimedCalls(), 6U);
  EXPECT_EQ(function.min_ns, 0U);
  EXPECT_EQ(function.max_ns, UINT64_MAX / 4);
}

TEST_F(SnapshotTest, AResetRowIsAllZeroes) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  row.counters.Record(Sample(5));
  row.counters.errors = 1;
  row.counters.untimed = 1;
  row.counters.error_origins.Add(0x3232);
  Pending(0, 0, row).Record(Sample(6));
  stats_->HoldSlot(0).pid = 1;
  stats_->slot(0).active[0].function = stats_->slot(0).owner[0].load();
  stats_->slot(0).depth = 1;
  stats_->Reset(row, kCreatedUs + 3);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.functions.size(), 1U);
  const FunctionStats& function = snapshot.functions[0];
  EXPECT_EQ(function.stats_since_us, kCreatedUs + 3);
  EXPECT_EQ(function.calls + function.errors + function.untimed + function.inclusive_ns +
                function.duration_ns + function.self_ns + function.min_ns + function.max_ns,
            0U);
  EXPECT_EQ(function.sum_squares_ns2, 0);
  EXPECT_TRUE(function.error_origins.empty());
}

// A process was suspended while it reset the row: its epoch is odd.
TEST_F(SnapshotTest, ARowThatIsBeingResetIsAllZeroes) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  row.counters.Record(Sample(5));
  row.epoch.fetch_add(1);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  EXPECT_STREQ(snapshot.functions.at(0).identity.function, "f1()");
  EXPECT_EQ(snapshot.functions.at(0).calls, 0U);
  EXPECT_EQ(snapshot.functions.at(0).inclusive_ns, 0U);
}

TEST_F(SnapshotTest, RemovedFunctionsAreNotInIt) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  Insert(*stats_, 2);
  Pending(0, 0, row).Record(Sample(6));
  stats_->Remove(row);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.functions.size(), 1U);
  EXPECT_EQ(snapshot.functions[0].key.funcid, 2U);
  EXPECT_EQ(snapshot.functions[0].calls, 0U);
}

TEST_F(SnapshotTest, FunctionsComeInTheOrderOfTheirArrivalWhateverTheirRows) {
  shared::FunctionRow& first = Insert(*stats_, 1);
  Insert(*stats_, 2).counters.Record(Sample(5));
  stats_->Remove(first);
  shared::FunctionRow& third = Insert(*stats_, 3);
  ASSERT_EQ(&first, &third);
  Pending(0, 0, third).Record(Sample(7));
  Pending(0, 1, third).Record(Sample(7));
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.functions.size(), 2U);
  EXPECT_EQ(snapshot.functions[0].key.funcid, 2U);
  EXPECT_EQ(snapshot.functions[0].calls, 1U);
  EXPECT_EQ(snapshot.functions[1].key.funcid, 3U);
  EXPECT_EQ(snapshot.functions[1].calls, 2U);
}

TEST_F(SnapshotTest, CallsAreActiveOnlyInSlotsThatABackendHolds) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  const shared::RowEpoch function = shared::MakeRowEpoch(stats_->RowNumber(row), row.epoch);
  for (const std::uint32_t number : {0U, 1U, 2U}) {
    shared::BackendSlot& slot = stats_->HoldSlot(number);
    slot.active[0].function = function;
    slot.active[1].function = 0;
    slot.active[2].function = function;
    slot.active[3].function = function;
    slot.depth = 3;
  }
  EXPECT_EQ(TakeSnapshot(*stats_).functions.at(0).active, 0U);
  stats_->HoldSlot(0).pid = 100;
  EXPECT_EQ(TakeSnapshot(*stats_).functions.at(0).active, 2U);
  stats_->HoldSlot(2).pid = 200;
  stats_->slot(2).depth = 1;
  EXPECT_EQ(TakeSnapshot(*stats_).functions.at(0).active, 3U);
}

TEST_F(SnapshotTest, ADepthBeyondTheVisibleOneIsNoHarm) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  shared::BackendSlot& slot = stats_->HoldSlot(3);
  slot.pid = 1;
  for (auto& call : slot.active) {
    call.function = shared::MakeRowEpoch(stats_->RowNumber(row), row.epoch);
  }
  slot.depth = 10'000;
  EXPECT_EQ(TakeSnapshot(*stats_).functions.at(0).active, shared::kVisibleDepth);
}

TEST_F(SnapshotTest, ACallThatRunsIsListedWithItsBackendDepthAndStart) {
  shared::FunctionRow& outer = Insert(*stats_, 1);
  shared::FunctionRow& inner = Insert(*stats_, 2);
  shared::BackendSlot& slot = stats_->HoldSlot(1);
  slot.pid = 4711;
  slot.clock_source = static_cast<std::uint32_t>(measure::ClockSource::kMonotonic);
  constexpr std::uint64_t kFiveSeconds = 5'000'000'000;
  const std::uint64_t now = measure::MonotonicNs();
  slot.active[0].function = shared::MakeRowEpoch(stats_->RowNumber(outer), outer.epoch);
  slot.active[0].start_ticks = now - kFiveSeconds;
  slot.active[1].function = 0;  // an untracked call between them
  slot.active[2].function = shared::MakeRowEpoch(stats_->RowNumber(inner), inner.epoch);
  slot.active[2].start_ticks = now;
  slot.depth = 3;

  Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.active_calls.size(), 2U);
  const ActiveCall& first = snapshot.active_calls[0];
  EXPECT_EQ(snapshot.functions[first.function].key.funcid, 1U);
  EXPECT_EQ(first.pid, 4711U);
  EXPECT_EQ(first.depth, 1U);
  EXPECT_LE(first.started_at_us, snapshot.taken_at_us - 5'000'000);
  EXPECT_GT(first.started_at_us, snapshot.taken_at_us - 65'000'000);
  EXPECT_EQ(snapshot.functions[snapshot.active_calls[1].function].key.funcid, 2U);
  EXPECT_EQ(snapshot.active_calls[1].depth, 3U);
  EXPECT_EQ(snapshot.OldestActiveCallUs(), first.started_at_us);

  slot.pid = 0;
  snapshot = TakeSnapshot(*stats_);
  EXPECT_TRUE(snapshot.active_calls.empty());
  EXPECT_EQ(snapshot.OldestActiveCallUs(), 0);
}

TEST_F(SnapshotTest, OfDatabasesWithTheSameNameTheOneMetLastBearsIt) {
  stats_->FindOrInsertDatabase(20'001, NameOf("db"));
  stats_->FindOrInsertDatabase(20'002, NameOf("db"));
  stats_->FindOrInsertDatabase(20'003, NameOf("other"));
  Insert(*stats_, 1, 20'002);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.databases.size(), 4U);
  EXPECT_EQ(snapshot.databases[0].datname, "db~16384");
  EXPECT_EQ(snapshot.databases[1].datname, "db~20001");
  EXPECT_EQ(snapshot.databases[2].datname, "db");
  EXPECT_EQ(snapshot.databases[3].datname, "other");
  EXPECT_EQ(snapshot.functions.at(0).database, 2U);
}

TEST_F(SnapshotTest, NoTwoDatabasesHaveTheSameName) {
  std::uint32_t dbid = 1;
  for (const char* name : {"a", "a~1~3", "a~1", "a"}) {
    stats_->FindOrInsertDatabase(dbid++, NameOf(name));
  }
  std::set<std::string> names;
  for (const DatabaseStats& database : TakeSnapshot(*stats_).databases) {
    EXPECT_TRUE(names.insert(database.datname).second) << database.datname;
  }
  EXPECT_EQ(names.size(), 5U);
}

TEST_F(SnapshotTest, OverflowCallsAreThoseOfAllDatabases) {
  stats_->FindDatabase(kDbid)->overflow_calls = 3;
  EXPECT_EQ(TakeSnapshot(*stats_).databases.size(), 1U);
  stats_->database(0).overflow_calls = 4;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  EXPECT_EQ(snapshot.databases.size(), 2U);
  EXPECT_EQ(snapshot.OverflowCalls(), 7U);
}

TEST_F(SnapshotTest, AFunctionOfADatabaseThatFoundNoPlaceIsNotAnotherDatabases) {
  Insert(*stats_, 1);
  Insert(*stats_, 2, 99'999);
  const Snapshot snapshot = TakeSnapshot(*stats_);
  ASSERT_EQ(snapshot.databases.size(), 2U);
  EXPECT_EQ(snapshot.databases.at(FindFunction(snapshot, 1)->database).dbid, kDbid);
  EXPECT_EQ(snapshot.databases.at(FindFunction(snapshot, 2)->database).dbid, 0U);
}

TEST_F(SnapshotTest, ErrorOriginsAreListedByClassAndTheRestTogether) {
  shared::ErrorOriginCounters& origins = Insert(*stats_, 1).counters.error_origins;
  const auto class_of = [](char first, char second) {
    return static_cast<std::uint32_t>(first) | static_cast<std::uint32_t>(second) << 8;
  };
  origins.Add(class_of('2', '2'));
  origins.Add(class_of('P', '0'));
  origins.Add(class_of('P', '0'));
  for (char letter = 'A'; letter < 'R'; ++letter) {
    origins.Add(class_of('X', letter));
  }
  const Snapshot snapshot = TakeSnapshot(*stats_);
  const std::vector<ErrorOrigin>& listed = snapshot.functions.at(0).error_origins;
  ASSERT_EQ(listed.size(), 16U);
  EXPECT_STREQ(listed[0].sqlstate_class, "22");
  EXPECT_EQ(listed[0].count, 1U);
  EXPECT_STREQ(listed[1].sqlstate_class, "P0");
  EXPECT_EQ(listed[1].count, 2U);
  EXPECT_STREQ(listed[15].sqlstate_class, "??");
  EXPECT_EQ(listed[15].count, 4U);
}

TEST_F(SnapshotTest, AnErrorOfTheClassThatMeansTheRestIsCountedWithTheRest) {
  shared::ErrorOriginCounters& origins = Insert(*stats_, 1).counters.error_origins;
  origins.Add('?' | '?' << 8);
  origins.other = 2;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  const std::vector<ErrorOrigin>& listed = snapshot.functions.at(0).error_origins;
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_STREQ(listed[0].sqlstate_class, "??");
  EXPECT_EQ(listed[0].count, 3U);
}

TEST_F(SnapshotTest, TheWorkersStatusIsCopied) {
  shared::WorkerStatus& worker = stats_->worker;
  worker.pid = 42;
  worker.starts = 2;
  worker.started_at_us = 10;
  worker.heartbeat_at_us = 20;
  worker.longest_turn_ns = 21;
  worker.port = 9'797;
  worker.listening = 1;
  worker.bind_failures = 3;
  worker.connections = 4;
  worker.requests_in_flight = 2;
  worker.scrapes = 5;
  worker.scrape_duration_ns = 6;
  worker.scrape_series = 7;
  worker.http_requests[0][0] = 8;
  worker.http_requests[shared::kHttpPaths.size() - 1][2] = 9;
  shared::ListenText text{};
  std::snprintf(text.addresses, sizeof(text.addresses), "127.0.0.1:9797");
  std::snprintf(text.error, sizeof(text.error), "no");
  worker.listen_text.Publish(text);
  stats_->stack_resyncs = 11;
  stats_->clock_anomalies = 12;
  stats_->internal_errors = 13;
  const Snapshot snapshot = TakeSnapshot(*stats_);
  const WorkerStats& seen = snapshot.worker;
  EXPECT_EQ(seen.pid, 42U);
  EXPECT_EQ(seen.starts, 2U);
  EXPECT_EQ(seen.started_at_us, 10);
  EXPECT_EQ(seen.heartbeat_at_us, 20);
  EXPECT_EQ(seen.longest_turn_ns, 21U);
  EXPECT_EQ(seen.requests_in_flight, 2U);
  EXPECT_EQ(seen.port, 9'797U);
  EXPECT_TRUE(seen.listening);
  EXPECT_EQ(seen.bind_failures, 3U);
  EXPECT_EQ(seen.connections, 4U);
  EXPECT_EQ(seen.scrapes, 5U);
  EXPECT_EQ(seen.scrape_duration_ns, 6U);
  EXPECT_EQ(seen.scrape_series, 7U);
  EXPECT_EQ(seen.listen_addresses, "127.0.0.1:9797");
  EXPECT_EQ(seen.listen_error, "no");
  ASSERT_EQ(seen.http_requests.size(), 2U);
  EXPECT_STREQ(seen.http_requests[0].path, "/metrics");
  EXPECT_STREQ(seen.http_requests[0].code, "200");
  EXPECT_EQ(seen.http_requests[0].count, 8U);
  EXPECT_STREQ(seen.http_requests[1].path, "other");
  EXPECT_STREQ(seen.http_requests[1].code, "401");
  EXPECT_EQ(seen.http_requests[1].count, 9U);
  EXPECT_EQ(snapshot.stack_resyncs, 11U);
  EXPECT_EQ(snapshot.clock_anomalies, 12U);
  EXPECT_EQ(snapshot.internal_errors, 13U);
}

TEST_F(SnapshotTest, ASummaryIsASnapshotWithoutFunctions) {
  Insert(*stats_, 1);
  Insert(*stats_, 2);
  stats_->FindDatabase(kDbid)->overflow_calls = 3;
  stats_->worker.starts = 2;
  ServerState server;
  server.postmaster_status = "ready";
  const Snapshot summary = TakeSummary(*stats_, 77, server);
  EXPECT_TRUE(summary.functions.empty());
  EXPECT_EQ(summary.functions_used, 2U);
  EXPECT_EQ(summary.functions_limit, 50U);
  EXPECT_EQ(summary.OverflowCalls(), 3U);
  EXPECT_EQ(summary.worker.starts, 2U);
  EXPECT_EQ(summary.taken_at_us, 77);
  EXPECT_EQ(summary.server.postmaster_status, "ready");
  EXPECT_EQ(TakeSnapshot(*stats_).functions_used, 2U);
}

// --- quantiles and moments ---------------------------------------------------------------------

class DistributionTest : public ::testing::Test {
 protected:
  FunctionStats StatsOf(const std::vector<std::uint64_t>& durations) {
    const SharedMemory stats({1, 1});
    shared::FunctionRow& row = Insert(*stats, 1);
    for (const std::uint64_t ns : durations) {
      row.counters.Record(Sample(ns));
    }
    return TakeSnapshot(*stats).functions.at(0);
  }

  // Compares the estimated quantiles with those of the durations themselves.
  void CheckQuantiles(const std::function<double()>& draw) {
    for (const std::size_t count : {1U, 2U, 10U, 1'000U, 20'000U}) {
      std::vector<std::uint64_t> durations;
      for (std::size_t i = 0; i < count; ++i) {
        durations.push_back(static_cast<std::uint64_t>(std::clamp(draw(), 1e3, 128e9)));
      }
      const FunctionStats function = StatsOf(durations);
      std::sort(durations.begin(), durations.end());
      for (const double q : {0.5, 0.9, 0.95, 0.99}) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(count)));
        const auto exact = static_cast<double>(durations[std::max<std::size_t>(rank, 1) - 1]);
        EXPECT_LE(std::abs(Percentile(function, q) - exact) / exact, std::exp2(1.0 / 8) - 1)
            << q << " of " << count;
      }
    }
  }

  std::mt19937_64 random_{5};
};

TEST_F(DistributionTest, QuantilesOfNothingAreNegative) {
  EXPECT_LT(Percentile(StatsOf({}), 0.5), 0);
  EXPECT_EQ(MeanNs(StatsOf({})), 0);
  EXPECT_EQ(StddevNs(StatsOf({})), 0);
}

TEST_F(DistributionTest, QuantilesOfEqualDurationsAreThatDuration) {
  for (const std::uint64_t ns :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{953}, std::uint64_t{954},
        std::uint64_t{1'234'567}, std::uint64_t{128'000'000'000}, std::uint64_t{500'000'000'000}}) {
    const FunctionStats function = StatsOf(std::vector<std::uint64_t>(17, ns));
    for (const double q : {0.0, 0.01, 0.5, 0.99, 1.0}) {
      EXPECT_EQ(Percentile(function, q), static_cast<double>(ns)) << q;
    }
  }
}

TEST_F(DistributionTest, QuantilesStayBetweenTheMinimumAndTheMaximumAndNeverFall) {
  const FunctionStats function = StatsOf({500, 1'100, 1'200, 90'000, 400'000'000'000});
  double last = 500;
  for (int i = 0; i <= 100; ++i) {
    const double value = Percentile(function, i / 100.0);
    EXPECT_GE(value, last);
    EXPECT_LE(value, 4e11);
    last = value;
  }
  EXPECT_EQ(Percentile(function, 1.0), 4e11);
  EXPECT_EQ(Percentile(function, 7.0), 4e11);
  EXPECT_EQ(Percentile(function, -1.0), 500);
}

TEST_F(DistributionTest, UntimedCallsHaveNoPartInQuantilesAndMoments) {
  FunctionStats function = StatsOf({1'000, 1'000});
  function.untimed = 100;
  function.calls += 100;
  EXPECT_EQ(Percentile(function, 0.9), 1'000);
  EXPECT_EQ(MeanNs(function), 1'000);
  EXPECT_EQ(StddevNs(function), 0);
}

TEST_F(DistributionTest, QuantilesOfLogNormalDurationsAreAsGoodAsDocumented) {
  std::lognormal_distribution<double> narrow(std::log(3e5), 0.05);
  CheckQuantiles([&] { return narrow(random_); });
  std::lognormal_distribution<double> wide(std::log(1e7), 3.0);
  CheckQuantiles([&] { return wide(random_); });
}

TEST_F(DistributionTest, QuantilesOfUniformDurationsAreAsGoodAsDocumented) {
  std::uniform_real_distribution<double> microseconds(1e3, 9e3);
  CheckQuantiles([&] { return microseconds(random_); });
  std::uniform_real_distribution<double> seconds(1e3, 100e9);
  CheckQuantiles([&] { return seconds(random_); });
}

TEST_F(DistributionTest, MeanAndStandardDeviationAgreeWithDirectComputation) {
  std::lognormal_distribution<double> distribution(std::log(1e6), 1.0);
  std::vector<std::uint64_t> durations;
  for (int i = 0; i < 10'000; ++i) {
    durations.push_back(static_cast<std::uint64_t>(distribution(random_)));
  }
  long double sum = 0;
  for (const std::uint64_t ns : durations) {
    sum += static_cast<long double>(ns);
  }
  const long double mean = sum / static_cast<long double>(durations.size());
  long double variance = 0;
  for (const std::uint64_t ns : durations) {
    variance += (static_cast<long double>(ns) - mean) * (static_cast<long double>(ns) - mean);
  }
  variance /= static_cast<long double>(durations.size());
  const FunctionStats function = StatsOf(durations);
  EXPECT_NEAR(MeanNs(function) / static_cast<double>(mean), 1, 1e-12);
  EXPECT_NEAR(StddevNs(function) / static_cast<double>(std::sqrt(variance)), 1, 1e-9);
}

TEST_F(DistributionTest, NestedActivationsAreInTheMeanAndNotInTheInclusiveTime) {
  const SharedMemory stats({1, 1});
  shared::FunctionRow& row = Insert(*stats, 1);
  row.counters.Record({100, 100, false});
  row.counters.Record({300, 200, true});
  const FunctionStats function = TakeSnapshot(*stats).functions.at(0);
  EXPECT_EQ(function.inclusive_ns, 300U);
  EXPECT_EQ(MeanNs(function), 200);
  EXPECT_EQ(StddevNs(function), 100);
}

// --- while others write ------------------------------------------------------------------------

// The writer stores the sum before the buckets and the reader reads them in the other order, so
// only a reset that is seen half-way can show calls without their time.
TEST_F(SnapshotTest, AResetIsSeenWhollyOrNotAtAll) {
  shared::FunctionRow& row = Insert(*stats_, 1);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 60'000; ++i) {
      row.counters.inclusive_ns.store(1'000);
      row.counters.encoded_min_ns.store(shared::EncodeMin(0));
      row.counters.max_ns.store(INT64_MAX);
      row.counters.buckets[0].store(1);
      row.counters.buckets[measure::kBucketCount - 1].store(1);
      stats_->Reset(row, kCreatedUs + i);
    }
    done = true;
  });
  int half = 0;
  while (!done) {
    const Snapshot snapshot = TakeSnapshot(*stats_);
    const FunctionStats& function = snapshot.functions.at(0);
    half += function.buckets[measure::kBucketCount - 1] != 0 && function.inclusive_ns == 0 ? 1 : 0;
  }
  writer.join();
  EXPECT_EQ(half, 0);
}

// One backend of the test below: its own slot, call stack and clock, calls of random functions.
class Backend {
 public:
  Backend(shared::SharedStats& stats, std::uint32_t slot, std::uint32_t functions)
      : frames_(std::make_unique<pending::CallFrames>()), random_(slot) {
    for (std::uint32_t i = 0; i < functions; ++i) {
      refs_.push_back(TrackedRef(stats, stats.row(i)));
    }
    calls_.resize(functions);
    self_ns_.resize(functions);
    inclusive_ns_.resize(functions);
    shared::BackendSlot& own = stats.HoldSlot(slot);
    own.pid = 1'000 + slot;
    stack_.Attach(&stats, &own, frames_.get(), &frames_->frames[pending::kMaxDepth - 1]);
    stack_.set_clock({&now_});
    pending_.Attach(&stats, &own, stats.FindDatabase(kDbid));
  }

  void MakeCalls(int count) {
    while (count > 0) {
      count -= Call(0);
    }
  }

  std::uint64_t calls(std::size_t function) const { return calls_[function]; }
  std::uint64_t self_ns(std::size_t function) const { return self_ns_[function]; }
  std::uint64_t inclusive_ns(std::size_t function) const { return inclusive_ns_[function]; }
  std::uint64_t pushed_out() const { return pushed_out_; }

 private:
  // Some functions are called more often than others. Returns the number of calls made.
  int Call(std::size_t depth) {
    const std::size_t function = std::min(random_() % refs_.size(), random_() % refs_.size());
    pending::FunctionRef& ref = refs_[function];
    const void* site = &frames_->frames[depth];
    const void* stack_address = &frames_->frames[1'000 - depth];
    stack_.Begin(site, &ref, stack_address);
    now_ += random_() % 5'000;
    int made = 1;
    while (depth < 5 && random_() % 3 == 0) {
      made += Call(depth + 1);
    }
    shared::CallSample sample{};
    EXPECT_EQ(stack_.End(site, &sample), &ref);
    const bool had_entry = had_entry_[function];
    pushed_out_ += had_entry && ref.pending == nullptr ? 1 : 0;
    pending_.Record(ref, sample);
    had_entry_[function] = ref.pending != nullptr;
    ++calls_[function];
    self_ns_[function] += sample.self_ns;
    inclusive_ns_[function] += sample.outermost ? sample.elapsed_ns : 0;
    return made;
  }

  std::unique_ptr<pending::CallFrames> frames_;
  std::mt19937 random_;
  std::uint64_t now_ = 1;
  std::vector<pending::FunctionRef> refs_;
  std::vector<std::uint64_t> calls_;
  std::vector<std::uint64_t> self_ns_;
  std::vector<std::uint64_t> inclusive_ns_;
  std::array<bool, 256> had_entry_{};
  std::uint64_t pushed_out_ = 0;
  pending::CallStack<FakeClock> stack_;
  pending::PendingStats pending_;
};

TEST(SnapshotConcurrencyTest, CallsNeverDecreaseWhileBackendsCountAndAreExactInTheEnd) {
  constexpr std::uint32_t kBackends = 4;
  constexpr std::uint32_t kFunctions = 100;
  constexpr int kCallsEach = 100'000;
  constexpr int kLeastSnapshots = 10;
  const SharedMemory stats({kFunctions, kBackends});
  stats->FindOrInsertDatabase(kDbid, NameOf("db"));
  for (std::uint32_t i = 0; i < kFunctions; ++i) {
    Insert(*stats, i + 1);
  }
  std::vector<std::unique_ptr<Backend>> backends;
  for (std::uint32_t i = 0; i < kBackends; ++i) {
    backends.push_back(std::make_unique<Backend>(*stats, i, kFunctions));
  }
  std::atomic<std::uint32_t> running = kBackends;
  std::atomic<int> snapshots = 0;
  std::vector<std::thread> threads;
  for (const std::unique_ptr<Backend>& backend : backends) {
    threads.emplace_back([&running, &snapshots, &backend] {
      do {
        backend->MakeCalls(kCallsEach);
      } while (snapshots <= kLeastSnapshots);
      --running;
    });
  }

  int decreases = 0;
  int bad_extremes = 0;
  std::vector<std::uint64_t> last(kFunctions);
  while (running != 0) {
    const Snapshot snapshot = TakeSnapshot(*stats);
    ++snapshots;
    ASSERT_EQ(snapshot.functions.size(), kFunctions);
    for (std::uint32_t i = 0; i < kFunctions; ++i) {
      const FunctionStats& function = snapshot.functions[i];
      decreases += function.calls < last[i] ? 1 : 0;
      bad_extremes += function.min_ns > function.max_ns ? 1 : 0;
      last[i] = function.calls;
    }
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(snapshots, kLeastSnapshots);
  EXPECT_EQ(decreases, 0);
  EXPECT_EQ(bad_extremes, 0);

  const Snapshot snapshot = TakeSnapshot(*stats);
  for (std::uint32_t i = 0; i < kFunctions; ++i) {
    std::uint64_t calls = 0;
    std::uint64_t self_ns = 0;
    std::uint64_t inclusive_ns = 0;
    for (const std::unique_ptr<Backend>& backend : backends) {
      calls += backend->calls(i);
      self_ns += backend->self_ns(i);
      inclusive_ns += backend->inclusive_ns(i);
    }
    EXPECT_EQ(snapshot.functions[i].calls, calls);
    EXPECT_EQ(snapshot.functions[i].self_ns, self_ns);
    EXPECT_EQ(snapshot.functions[i].inclusive_ns, inclusive_ns);
    EXPECT_EQ(snapshot.functions[i].active, 0U);
  }
  for (const std::unique_ptr<Backend>& backend : backends) {
    EXPECT_GT(backend->pushed_out(), 0U);
  }
}

}  // namespace
}  // namespace pg_hello::snapshot
