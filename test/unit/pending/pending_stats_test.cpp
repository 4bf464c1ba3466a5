#include "pg_hello/pending/pending_stats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::pending {
namespace {

using ::pg_hello::testing::CountedCalls;
using ::pg_hello::testing::FindFunction;
using ::pg_hello::testing::IdentityOf;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::kCreatedUs;
using ::pg_hello::testing::kDbid;
using ::pg_hello::testing::KeyOf;
using ::pg_hello::testing::NameOf;
using ::pg_hello::testing::Sample;
using ::pg_hello::testing::SharedMemory;
using ::pg_hello::testing::TakeSnapshot;
using ::pg_hello::testing::TrackedRef;

constexpr std::size_t kEntries = shared::kPendingEntries;

class PendingStatsTest : public ::testing::Test {
 protected:
  PendingStatsTest() : database_(stats_->FindOrInsertDatabase(kDbid, NameOf("db"))) {
    for (std::uint32_t i = 0; i < 100; ++i) {
      refs_.push_back(TrackedRef(*stats_, Insert(*stats_, i + 1)));
    }
    pending_.Attach(stats_.get(), &slot(), database_);
  }

  shared::BackendSlot& slot() { return stats_->HoldSlot(1); }

  void Record(std::size_t function, std::uint64_t ns = 1'000) {
    pending_.Record(refs_.at(function), Sample(ns));
  }

  // Gives the first 64 functions their entries, with one call each.
  void FillEntries() {
    for (std::size_t i = 0; i < kEntries; ++i) {
      Record(i);
      ASSERT_NE(refs_[i].pending, nullptr);
    }
  }

  std::size_t FunctionsWithEntries() const {
    std::size_t count = 0;
    for (const FunctionRef& ref : refs_) {
      count += ref.pending != nullptr ? 1 : 0;
    }
    return count;
  }

  std::uint64_t CallsInSnapshot(std::size_t function) {
    return FindFunction(TakeSnapshot(*stats_), refs_.at(function).funcid)->calls;
  }

  std::uint64_t CallsInRow(std::size_t function) const {
    return CountedCalls(refs_.at(function).row->counters);
  }

  SharedMemory stats_;
  shared::DatabaseRow* database_;
  std::vector<FunctionRef> refs_;
  PendingStats pending_;
};

TEST_F(PendingStatsTest, TheFirstCallTakesAnEntryAndNothingGoesToTheRow) {
  Record(0);
  ASSERT_NE(refs_[0].pending, nullptr);
  EXPECT_EQ(CountedCalls(*refs_[0].pending), 1U);
  EXPECT_EQ(CallsInRow(0), 0U);
  EXPECT_EQ(CallsInSnapshot(0), 1U);
  Record(0);
  EXPECT_EQ(CountedCalls(*refs_[0].pending), 2U);
}

TEST_F(PendingStatsTest, TheFunctionAfterTheLastEntryIsCountedInItsRow) {
  FillEntries();
  Record(kEntries);
  EXPECT_EQ(refs_[kEntries].pending, nullptr);
  EXPECT_EQ(CallsInRow(kEntries), 1U);
  EXPECT_EQ(FunctionsWithEntries(), kEntries) << "a single call pushes nobody out";
}

TEST_F(PendingStatsTest, AFunctionThatIsCalledOftenPushesAnotherOut) {
  FillEntries();
  for (std::uint32_t i = 0; i < kPromoteEvery; ++i) {
    Record(kEntries);
  }
  EXPECT_EQ(refs_[kEntries].pending, nullptr);
  Record(kEntries);
  EXPECT_NE(refs_[kEntries].pending, nullptr);
  EXPECT_EQ(refs_[0].pending, nullptr) << "the one that has been there longest makes room";
  EXPECT_EQ(FunctionsWithEntries(), kEntries);
  EXPECT_EQ(CallsInRow(0), 1U);
  EXPECT_EQ(CallsInSnapshot(0), 1U);
  EXPECT_EQ(CallsInSnapshot(kEntries), kPromoteEvery + 1);
}

TEST_F(PendingStatsTest, NothingIsLostOrCountedTwiceWhenFunctionsPushEachOtherOut) {
  std::mt19937 random(4);
  std::vector<std::uint64_t> calls(refs_.size());
  std::vector<std::uint64_t> inclusive(refs_.size());
  std::vector<std::uint64_t> self(refs_.size());
  std::vector<double> squares(refs_.size());
  for (int i = 0; i < 1'000'000; ++i) {
    const std::size_t function = random() % refs_.size();
    const std::uint64_t ns = random() % 100'000;
    pending_.Record(refs_[function], {ns, ns / 2, ns % 2 == 0});
    ++calls[function];
    inclusive[function] += ns % 2 == 0 ? ns : 0;
    self[function] += ns / 2;
    squares[function] += static_cast<double>(ns) * static_cast<double>(ns);
  }
  const snapshot::Snapshot snapshot = TakeSnapshot(*stats_);
  std::uint64_t in_rows = 0;
  for (std::size_t i = 0; i < refs_.size(); ++i) {
    const snapshot::FunctionStats* function = FindFunction(snapshot, refs_[i].funcid);
    EXPECT_EQ(function->calls, calls[i]);
    EXPECT_EQ(function->inclusive_ns, inclusive[i]);
    EXPECT_EQ(function->self_ns, self[i]);
    EXPECT_EQ(function->sum_squares_ns2, squares[i]);
    in_rows += CallsInRow(i);
  }
  EXPECT_GT(in_rows, 300'000U);
  EXPECT_EQ(FunctionsWithEntries(), kEntries);
}

TEST_F(PendingStatsTest, AReaderAtWorkPreventsThatACallIsMovedButNotThatItIsCounted) {
  FillEntries();
  {
    const shared::SharedStats::ReadGuard reader(*stats_);
    for (int i = 0; i < 100; ++i) {
      Record(kEntries);
    }
    EXPECT_EQ(refs_[kEntries].pending, nullptr);
    EXPECT_EQ(FunctionsWithEntries(), kEntries);
    EXPECT_EQ(CallsInRow(kEntries), 100U);
  }
  for (std::uint32_t i = 0; i < kPromoteEvery; ++i) {
    Record(kEntries);
  }
  EXPECT_NE(refs_[kEntries].pending, nullptr);
  EXPECT_EQ(CallsInSnapshot(kEntries), 100U + kPromoteEvery);
}

TEST_F(PendingStatsTest, AfterAResetTheEntryStartsAgainAtZero) {
  Record(0);
  Record(0);
  const shared::PendingCounters* entry = refs_[0].pending;
  stats_->Reset(*refs_[0].row, kCreatedUs + 1);
  EXPECT_EQ(CallsInSnapshot(0), 0U);
  Record(0);
  EXPECT_EQ(refs_[0].pending, entry) << "its old entry is free, nobody need be pushed out";
  EXPECT_EQ(CountedCalls(*entry), 1U);
  EXPECT_EQ(CallsInSnapshot(0), 1U);
  EXPECT_EQ(refs_[0].epoch, refs_[0].row->epoch);
}

TEST_F(PendingStatsTest, AfterAResetTheRowStartsAgainAtZeroToo) {
  FillEntries();
  Record(kEntries);
  Record(kEntries);
  stats_->ResetAll(kCreatedUs + 1);
  Record(kEntries);
  EXPECT_EQ(CallsInSnapshot(kEntries), 1U);
  for (std::size_t i = 0; i < kEntries; ++i) {
    EXPECT_EQ(CallsInSnapshot(i), 0U);
  }
}

TEST_F(PendingStatsTest, EntriesOfAnEarlierEpochAreGivenAwayAndNotMerged) {
  FillEntries();
  stats_->Reset(*refs_[7].row, kCreatedUs + 1);
  Record(kEntries);
  EXPECT_EQ(refs_[kEntries].pending, &slot().pending[7]);
  EXPECT_EQ(CountedCalls(*refs_[kEntries].pending), 1U);
  EXPECT_EQ(CallsInRow(7), 0U);
  Record(7);
  EXPECT_EQ(CallsInSnapshot(7), 1U);
  EXPECT_EQ(CallsInSnapshot(kEntries), 1U);
}

TEST_F(PendingStatsTest, ACallOfARemovedFunctionIsCountedNowhere) {
  Record(0);
  shared::FunctionRow& row = *refs_[0].row;
  stats_->Remove(row);
  Record(0);
  EXPECT_EQ(refs_[0].verdict, Verdict::kUntracked);
  EXPECT_EQ(refs_[0].row, nullptr);
  EXPECT_EQ(refs_[0].pending, nullptr);
  Record(0);
  pending_.RecordError(refs_[0], true);
  pending_.RecordErrorOrigin(refs_[0], 0x3232);
  pending_.RecordUntimed(refs_[0]);
  EXPECT_EQ(CountedCalls(row.counters), 0U);
  EXPECT_EQ(row.counters.errors + row.counters.untimed, 0U);
  EXPECT_EQ(database_->overflow_calls, 0U);
}

TEST_F(PendingStatsTest, ACallOfARemovedFunctionIsNotCountedForTheNextOneInTheRow) {
  Record(0);
  shared::FunctionRow& row = *refs_[0].row;
  stats_->Remove(row);
  FunctionRef next = TrackedRef(*stats_, Insert(*stats_, 777));
  ASSERT_EQ(next.row, &row);
  Record(0);
  EXPECT_EQ(refs_[0].verdict, Verdict::kUntracked);
  EXPECT_EQ(FindFunction(TakeSnapshot(*stats_), 777)->calls, 0U);
  pending_.Record(next, Sample(5));
  EXPECT_EQ(FindFunction(TakeSnapshot(*stats_), 777)->calls, 1U);
}

TEST_F(PendingStatsTest, TheSameFunctionOfAnotherDatabaseInTheRowIsAnotherFunction) {
  shared::FunctionRow& row = *refs_[0].row;
  stats_->Remove(row);
  ASSERT_EQ(&Insert(*stats_, refs_[0].funcid, kDbid + 1), &row);
  Record(0);
  EXPECT_EQ(refs_[0].verdict, Verdict::kUntracked);
  EXPECT_EQ(CountedCalls(row.counters), 0U);
}

TEST_F(PendingStatsTest, CallsThatFoundTheTableFullAreCountedForTheDatabase) {
  FunctionRef ref{};
  ref.verdict = Verdict::kOverflow;
  pending_.Record(ref, Sample(1));
  pending_.Record(ref, Sample(1));
  pending_.RecordUntimed(ref);
  EXPECT_EQ(database_->overflow_calls, 3U);
}

TEST_F(PendingStatsTest, ACallThatFailedAndFoundTheTableFullIsStillOneCall) {
  FunctionRef ref{};
  ref.verdict = Verdict::kOverflow;
  pending_.RecordErrorOrigin(ref, 0x3232);
  pending_.RecordError(ref, false);
  pending_.Record(ref, Sample(1));
  EXPECT_EQ(database_->overflow_calls, 1U);
}

TEST_F(PendingStatsTest, RareEventsGoToTheRow) {
  pending_.RecordError(refs_[0], false);
  pending_.RecordError(refs_[0], true);
  pending_.RecordErrorOrigin(refs_[0], 0x3232);
  pending_.RecordUntimed(refs_[0]);
  const shared::RowCounters& counters = refs_[0].row->counters;
  EXPECT_EQ(counters.errors, 2U);
  EXPECT_EQ(counters.canceled, 1U);
  EXPECT_EQ(counters.untimed, 1U);
  EXPECT_EQ(counters.error_origins.places[0].count, 1U);
}

TEST_F(PendingStatsTest, ARareEventAfterAResetLeavesTheNextCallsRight) {
  Record(0);
  stats_->Reset(*refs_[0].row, kCreatedUs + 1);
  pending_.RecordError(refs_[0], false);
  Record(0);
  EXPECT_EQ(CallsInSnapshot(0), 1U);
  EXPECT_EQ(refs_[0].row->counters.errors, 1U);
}

TEST_F(PendingStatsTest, TheNextBackendInTheSlotGoesOnWhereTheLastOneStopped) {
  FillEntries();
  Record(3);
  PendingStats next;
  next.Attach(stats_.get(), &slot(), database_);
  FunctionRef ref = TrackedRef(*stats_, *refs_[3].row);
  next.Record(ref, Sample(1'000));
  EXPECT_EQ(ref.pending, refs_[3].pending);
  EXPECT_EQ(CountedCalls(*ref.pending), 3U);
  EXPECT_EQ(CallsInSnapshot(3), 3U);
}

TEST_F(PendingStatsTest, TheNextBackendPushesOutWhatTheLastOneLeft) {
  FillEntries();
  PendingStats next;
  next.Attach(stats_.get(), &slot(), database_);
  FunctionRef ref = TrackedRef(*stats_, *refs_[kEntries].row);
  for (std::uint32_t i = 0; i <= kPromoteEvery; ++i) {
    next.Record(ref, Sample(1'000));
  }
  EXPECT_EQ(ref.pending, &slot().pending[0]);
  EXPECT_EQ(CallsInRow(0), 1U);
  EXPECT_EQ(CallsInSnapshot(0), 1U);
  EXPECT_EQ(CallsInSnapshot(kEntries), kPromoteEvery + 1);
}

TEST_F(PendingStatsTest, AFullBucketIsUnloadedIntoTheRow) {
  Record(0);
  const std::size_t bucket = measure::BucketFor(1'000);
  constexpr std::uint64_t kMany = shared::PendingCounters::kBucketIsFull - 1;
  refs_[0].pending->buckets[bucket] = static_cast<std::uint32_t>(kMany);
  Record(0);
  EXPECT_EQ(CountedCalls(*refs_[0].pending), 0U);
  EXPECT_EQ(refs_[0].row->counters.buckets[bucket], kMany + 1);
  EXPECT_EQ(refs_[0].row->counters.inclusive_ns, 2'000U);
  Record(0);
  EXPECT_EQ(CountedCalls(*refs_[0].pending), 1U);
  EXPECT_EQ(CallsInSnapshot(0), kMany + 2);
}

TEST_F(PendingStatsTest, AFullBucketWaitsUntilNobodyReads) {
  Record(0);
  const std::size_t bucket = measure::BucketFor(1'000);
  refs_[0].pending->buckets[bucket] = shared::PendingCounters::kBucketIsFull;
  {
    const shared::SharedStats::ReadGuard reader(*stats_);
    Record(0);
    Record(0);
    EXPECT_EQ(refs_[0].pending->buckets[bucket], shared::PendingCounters::kBucketIsFull + 2);
  }
  Record(0);
  EXPECT_EQ(refs_[0].pending->buckets[bucket], 0U);
  EXPECT_EQ(CallsInSnapshot(0), shared::PendingCounters::kBucketIsFull + 3ULL);
}

// A temporary function that was dropped and created again is two functions of one row.
TEST_F(PendingStatsTest, TwoFunctionsOfOneRowNeverCountForAThird) {
  FunctionRef twin = TrackedRef(*stats_, *refs_[0].row);
  Record(0);
  pending_.Record(twin, Sample(1'000));
  EXPECT_EQ(CallsInSnapshot(0), 2U);
  for (std::size_t i = 1; i < kEntries; ++i) {
    Record(i);
  }
  for (std::uint32_t i = 0; i <= kPromoteEvery; ++i) {
    Record(kEntries);  // takes the entry of the twins
  }
  ASSERT_EQ(refs_[kEntries].pending, &slot().pending[0]);
  Record(0);
  pending_.Record(twin, Sample(1'000));
  EXPECT_EQ(CallsInSnapshot(0), 4U);
  EXPECT_EQ(CallsInSnapshot(kEntries), kPromoteEvery + 1);
}

std::vector<std::uint32_t> observed;

TEST_F(PendingStatsTest, AnObserverIsToldOfEachCallOnce) {
  observed.clear();
  Record(0);
  Record(1);
  pending_.Observe([](FunctionRef& ref) { observed.push_back(ref.funcid); });
  EXPECT_EQ(FunctionsWithEntries(), 0U);
  for (int i = 0; i < 40; ++i) {
    Record(0);
  }
  Record(2);
  pending_.RecordUntimed(refs_[1]);
  pending_.RecordError(refs_[1], false);
  pending_.RecordIterations(refs_[1], 7);
  EXPECT_EQ(std::count(observed.begin(), observed.end(), refs_[0].funcid), 40);
  EXPECT_EQ(std::count(observed.begin(), observed.end(), refs_[1].funcid), 1);
  EXPECT_EQ(std::count(observed.begin(), observed.end(), refs_[2].funcid), 1);
  EXPECT_EQ(FunctionsWithEntries(), 0U);
  pending_.Observe(nullptr);
  Record(0);
  Record(1);
  EXPECT_EQ(observed.size(), 42U);
  EXPECT_EQ(CallsInSnapshot(0), 42U);
  EXPECT_EQ(CallsInSnapshot(1), 3U);
  EXPECT_EQ(CallsInSnapshot(2), 1U);
}

TEST_F(PendingStatsTest, AnObserverHearsNothingOfCallsWithoutARow) {
  observed.clear();
  pending_.Observe([](FunctionRef& ref) { observed.push_back(ref.funcid); });
  FunctionRef overflow{};
  overflow.funcid = 4711;
  overflow.verdict = Verdict::kOverflow;
  pending_.Record(overflow, Sample(1));
  stats_->Remove(*refs_[0].row);
  Record(0);
  EXPECT_TRUE(observed.empty());
}

}  // namespace
}  // namespace pg_hello::pending
