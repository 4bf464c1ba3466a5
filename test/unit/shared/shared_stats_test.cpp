#include "pg_hello/shared/shared_stats.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::shared {
namespace {

using ::pg_hello::testing::CountedCalls;
using ::pg_hello::testing::IdentityOf;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::kCreatedUs;
using ::pg_hello::testing::KeyOf;
using ::pg_hello::testing::NameOf;
using ::pg_hello::testing::Sample;
using ::pg_hello::testing::SharedMemory;

TEST(SharedStatsTest, SizeForIsTheDocumentedFormula) {
  for (const std::uint64_t functions : {1ULL, 5ULL, 64ULL, 1'000ULL, 5'000ULL, 100'000ULL}) {
    for (const std::uint64_t slots : {1ULL, 117ULL, 1'000ULL}) {
      const std::uint64_t index_bytes = 4 * std::bit_ceil(2 * functions);
      const std::uint64_t expected =
          sizeof(SharedStats) + (index_bytes + 63) / 64 * 64 + 2'816 * functions + 67'136 * slots;
      EXPECT_EQ(SharedStats::SizeFor(
                    {static_cast<std::uint32_t>(functions), static_cast<std::uint32_t>(slots)}),
                expected);
    }
  }
}

TEST(SharedStatsTest, ThePartsOfTheBlockAddUpToItsSize) {
  for (const Dimensions& dimensions :
       {Dimensions{1, 1}, Dimensions{5, 3}, Dimensions{5'000, 117}}) {
    std::uint64_t bytes = 0;
    for (const MemoryPart& part : SharedStats::PartsOf(dimensions)) {
      const std::uint64_t needed = part.number * part.bytes_each;
      EXPECT_EQ(part.bytes, (needed + 63) / 64 * 64) << part.name;
      bytes += part.bytes;
    }
    EXPECT_EQ(bytes, SharedStats::SizeFor(dimensions));
  }
}

TEST(SharedStatsTest, RowsAndSlotsAreAlignedAndDoNotOverlap) {
  const SharedMemory stats({5, 3});
  const auto address = [](const auto& object) { return reinterpret_cast<std::uintptr_t>(&object); };
  const std::uintptr_t begin = address(*stats);
  for (std::uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(address(stats->row(i)) % 64, 0U);
    EXPECT_EQ(stats->RowNumber(stats->row(i)), i);
  }
  EXPECT_GE(address(stats->row(0)), begin + sizeof(SharedStats) + 16 * sizeof(std::uint32_t));
  EXPECT_EQ(address(stats->slot(0)), address(stats->row(4)) + sizeof(FunctionRow));
  EXPECT_EQ(address(stats->slot(2)) + sizeof(BackendSlot), begin + stats->size());
}

TEST(SharedStatsTest, ANewBlockIsEmptyWhateverTheMemoryHeldBefore) {
  const SharedMemory stats({5, 3});
  EXPECT_EQ(stats->rows_end(), 0U);
  EXPECT_EQ(stats->live_rows(), 0U);
  EXPECT_EQ(stats->vacancies(), 0U);
  EXPECT_EQ(stats->databases_end(), 1U);
  EXPECT_EQ(stats->stats_reset_us(), kCreatedUs);
  EXPECT_EQ(stats->Find(KeyOf(1)), nullptr);
  EXPECT_EQ(stats->slot(2).pid, 0U);
  EXPECT_EQ(stats->worker.pid, 0U);
  EXPECT_EQ(stats->stack_resyncs, 0U);
}

TEST(SharedStatsTest, EachClockSourceHasItsClock) {
  const Dimensions dimensions{1, 1};
  const testing::AlignedMemory memory = testing::AllocateAligned(SharedStats::SizeFor(dimensions));
  const measure::TickClock tsc{measure::ClockSource::kTsc, 1'234'567};
  SharedStats* stats = SharedStats::Create(memory.get(), dimensions, tsc, kCreatedUs);
  EXPECT_EQ(stats->best_clock_source(), measure::ClockSource::kTsc);
  EXPECT_EQ(stats->clock(measure::ClockSource::kTsc).ns_per_tick, 1'234'567U);
  EXPECT_EQ(stats->clock(measure::ClockSource::kMonotonic).source,
            measure::ClockSource::kMonotonic);
  EXPECT_EQ(stats->clock(measure::ClockSource::kMonotonic).ToNs(77), 77U);
}

TEST(SharedStatsTest, AFunctionIsFoundAfterItWasInserted) {
  const SharedMemory stats;
  FunctionRow* made = stats->FindOrInsert(KeyOf(7), IdentityOf(7), kCreatedUs + 5);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(stats->Find(KeyOf(7)), made);
  EXPECT_EQ(stats->FindOrInsert(KeyOf(7), IdentityOf(7), kCreatedUs + 6), made);
  EXPECT_EQ(stats->live_rows(), 1U);
  EXPECT_EQ(stats->rows_end(), 1U);
  EXPECT_NE(made->epoch, 0U);
  EXPECT_EQ(made->live, 1U);
  EXPECT_EQ(made->stats_since_us, kCreatedUs + 5);
  EXPECT_STREQ(made->identity.Read()->function, "f7()");
  EXPECT_EQ(made->Key(), KeyOf(7));
}

TEST(SharedStatsTest, SlotsAboveAllThatWereEverHeldAreKnown) {
  const SharedMemory stats({5, 3});
  EXPECT_EQ(stats->slots_end(), 0U);
  EXPECT_EQ(&stats->HoldSlot(1), &stats->slot(1));
  EXPECT_EQ(stats->slots_end(), 2U);
  stats->HoldSlot(0);
  EXPECT_EQ(stats->slots_end(), 2U);
  stats->HoldSlot(2);
  EXPECT_EQ(stats->slots_end(), 3U);
}

TEST(SharedStatsTest, ARenamedFunctionKeepsItsRowAndItsCounts) {
  const SharedMemory stats;
  FunctionRow& row = Insert(*stats, 7);
  row.counters.Record(Sample(1'000));
  const std::uint32_t epoch = row.epoch;
  EXPECT_FALSE(stats->HasIdentity(row, IdentityOf(8)));
  EXPECT_EQ(stats->FindOrInsert(KeyOf(7), IdentityOf(8), kCreatedUs + 6), &row);
  EXPECT_TRUE(stats->HasIdentity(row, IdentityOf(8)));
  EXPECT_EQ(CountedCalls(row.counters), 1U);
  EXPECT_EQ(row.epoch, epoch);
  EXPECT_EQ(row.stats_since_us, kCreatedUs);
  EXPECT_EQ(stats->live_rows(), 1U);
}

TEST(SharedStatsTest, EveryPartOfTheKeyDistinguishesFunctions) {
  const SharedMemory stats;
  std::set<FunctionRow*> rows;
  for (const FunctionKey& key :
       {FunctionKey{1, 2, 3}, FunctionKey{9, 2, 3}, FunctionKey{1, 9, 3}, FunctionKey{1, 2, 9},
        FunctionKey{2, 1, 3}, FunctionKey{1, 2, 0}, FunctionKey{1, 0, 3}, FunctionKey{0, 2, 3}}) {
    EXPECT_EQ(stats->Find(key), nullptr);
    rows.insert(stats->FindOrInsert(key, IdentityOf(1), kCreatedUs));
    EXPECT_EQ(stats->Find(key)->Key(), key);
  }
  EXPECT_EQ(rows.size(), 8U);
}

TEST(SharedStatsTest, AFullTableTakesNoMoreAndKeepsServingWhatItHas) {
  const SharedMemory stats({10, 1});
  std::vector<FunctionRow*> rows;
  for (std::uint32_t i = 0; i < 10; ++i) {
    rows.push_back(&Insert(*stats, i));
  }
  EXPECT_EQ(stats->FindOrInsert(KeyOf(10), IdentityOf(10), kCreatedUs), nullptr);
  EXPECT_EQ(stats->Find(KeyOf(10)), nullptr);
  EXPECT_EQ(stats->live_rows(), 10U);
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(stats->Find(KeyOf(i)), rows[i]);
    EXPECT_EQ(stats->FindOrInsert(KeyOf(i), IdentityOf(i), kCreatedUs), rows[i]);
  }
}

TEST(SharedStatsTest, ARemovedRowIsReusedInANewEpochWithoutItsCounts) {
  const SharedMemory stats({2, 1});
  FunctionRow& row = Insert(*stats, 1);
  Insert(*stats, 2);
  row.counters.Record(Sample(1'000));
  row.counters.errors = 3;
  const std::uint32_t epoch = row.epoch;
  stats->Remove(row);
  EXPECT_EQ(row.live, 0U);
  EXPECT_EQ(stats->Find(KeyOf(1)), nullptr);
  EXPECT_NE(stats->Find(KeyOf(2)), nullptr);
  EXPECT_EQ(stats->live_rows(), 1U);
  EXPECT_EQ(stats->vacancies(), 1U);
  EXPECT_GT(row.epoch, epoch);
  const std::uint32_t vacant_epoch = row.epoch;

  FunctionRow& reused = Insert(*stats, 3);
  EXPECT_EQ(&reused, &row);
  EXPECT_GT(row.epoch, vacant_epoch);
  EXPECT_EQ(row.epoch % 2, 0U) << "nobody is clearing it any more";
  EXPECT_EQ(row.Key(), KeyOf(3));
  EXPECT_STREQ(row.identity.Read()->function, "f3()");
  EXPECT_EQ(CountedCalls(row.counters), 0U);
  EXPECT_EQ(row.counters.errors, 0U);
  EXPECT_EQ(stats->rows_end(), 2U);
  EXPECT_EQ(stats->FindOrInsert(KeyOf(4), IdentityOf(4), kCreatedUs), nullptr);
}

// 29 rows, 64 places: with nearly all rows taken, probes run into each other and round the end.
TEST(SharedStatsTest, TheIndexAgreesWithAMapThroughRandomInsertionsAndRemovals) {
  constexpr std::uint32_t kRows = 29;
  const SharedMemory stats({kRows, 1});
  std::map<std::uint32_t, FunctionRow*> model;
  std::mt19937 random(3);
  for (int step = 0; step < 100'000; ++step) {
    const std::uint32_t funcid = random() % 60;
    const auto known = model.find(funcid);
    if (random() % 5 < 3) {
      FunctionRow* row = stats->FindOrInsert(KeyOf(funcid), IdentityOf(funcid), kCreatedUs);
      if (known != model.end()) {
        ASSERT_EQ(row, known->second);
      } else if (model.size() == kRows) {
        ASSERT_EQ(row, nullptr);
      } else {
        ASSERT_NE(row, nullptr);
        model[funcid] = row;
      }
    } else if (known != model.end()) {
      stats->Remove(*known->second);
      model.erase(known);
    }
    const std::uint32_t other = random() % 60;
    const auto expected = model.find(other);
    ASSERT_EQ(stats->Find(KeyOf(other)), expected == model.end() ? nullptr : expected->second);
    ASSERT_EQ(stats->live_rows(), model.size());
    if (step % 1'000 == 0) {
      for (std::uint32_t i = 0; i < 60; ++i) {
        const auto there = model.find(i);
        ASSERT_EQ(stats->Find(KeyOf(i)), there == model.end() ? nullptr : there->second);
      }
    }
  }
}

TEST(SharedStatsTest, ResetStartsOneRowAgainAtZero) {
  const SharedMemory stats;
  FunctionRow& reset = Insert(*stats, 1);
  FunctionRow& untouched = Insert(*stats, 2);
  for (FunctionRow* row : {&reset, &untouched}) {
    row->counters.Record(Sample(1'000));
    row->counters.errors = 1;
    row->counters.canceled = 2;
    row->counters.untimed = 3;
    row->counters.iterations = 4;
    row->counters.error_origins.Add(0x3232);
  }
  const std::uint32_t epoch = reset.epoch;
  const std::uint32_t other_epoch = untouched.epoch;
  stats->Reset(reset, kCreatedUs + 99);
  EXPECT_GT(reset.epoch, epoch);
  EXPECT_EQ(reset.epoch % 2, 0U);
  EXPECT_EQ(reset.stats_since_us, kCreatedUs + 99);
  EXPECT_EQ(reset.live, 1U);
  EXPECT_EQ(stats->Find(KeyOf(1)), &reset);
  const RowCounters& counters = reset.counters;
  EXPECT_EQ(CountedCalls(counters), 0U);
  EXPECT_EQ(counters.inclusive_ns + counters.self_ns + counters.max_ns + counters.encoded_min_ns,
            0U);
  EXPECT_EQ(counters.sum_squares_ns2, 0);
  EXPECT_EQ(counters.errors + counters.canceled + counters.untimed + counters.iterations, 0U);
  EXPECT_EQ(counters.error_origins.places[0].count, 0U);

  EXPECT_EQ(untouched.epoch, other_epoch);
  EXPECT_EQ(untouched.stats_since_us, kCreatedUs);
  EXPECT_EQ(CountedCalls(untouched.counters), 1U);
  EXPECT_EQ(stats->stats_reset_us(), kCreatedUs);
}

std::vector<std::uint32_t> FuncidsByArrival(SharedStats& stats) {
  std::vector<std::uint32_t> funcids;
  for (const Arrival& arrival : stats.RowsByArrival()) {
    funcids.push_back(stats.row(arrival.row).funcid);
  }
  return funcids;
}

TEST(SharedStatsTest, RowsComeInTheOrderInWhichTheirFunctionsCame) {
  const SharedMemory stats;
  for (const std::uint32_t funcid : {7U, 3U, 9U}) {
    Insert(*stats, funcid);
  }
  EXPECT_EQ(FuncidsByArrival(*stats), (std::vector<std::uint32_t>{7, 3, 9}));
  stats->Remove(*stats->Find(KeyOf(7)));
  Insert(*stats, 5);  // in the row that 7 had
  Insert(*stats, 3);  // was there
  EXPECT_EQ(FuncidsByArrival(*stats), (std::vector<std::uint32_t>{3, 9, 5}));
  stats->Reset(*stats->Find(KeyOf(3)), kCreatedUs);
  EXPECT_EQ(FuncidsByArrival(*stats), (std::vector<std::uint32_t>{9, 5, 3}));
  stats->ResetAll(kCreatedUs);
  EXPECT_EQ(FuncidsByArrival(*stats), (std::vector<std::uint32_t>{9, 5, 3}));
}

TEST(SharedStatsTest, ResetAllStartsEverythingAgainAtZero) {
  const SharedMemory stats;
  FunctionRow& row = Insert(*stats, 1);
  FunctionRow& removed = Insert(*stats, 2);
  row.counters.Record(Sample(1'000));
  stats->Remove(removed);
  const std::uint32_t epoch = row.epoch;
  DatabaseRow* database = stats->FindOrInsertDatabase(5, NameOf("five"));
  database->overflow_calls = 3;
  stats->database(0).overflow_calls = 4;
  stats->full_reported = 1;
  stats->ResetAll(kCreatedUs + 7);
  EXPECT_EQ(CountedCalls(row.counters), 0U);
  EXPECT_GT(row.epoch, epoch);
  EXPECT_EQ(row.stats_since_us, kCreatedUs + 7);
  EXPECT_EQ(removed.live, 0U);
  EXPECT_EQ(database->overflow_calls, 0U);
  EXPECT_EQ(stats->database(0).overflow_calls, 0U);
  EXPECT_EQ(stats->full_reported, 0U);
  EXPECT_EQ(stats->stats_reset_us(), kCreatedUs + 7);
}

TEST(SharedStatsTest, DatabasesAreFoundAndTheirNamesFollowed) {
  const SharedMemory stats;
  EXPECT_EQ(stats->FindDatabase(5), nullptr);
  DatabaseRow* five = stats->FindOrInsertDatabase(5, NameOf("five"));
  DatabaseRow* six = stats->FindOrInsertDatabase(6, NameOf("six"));
  EXPECT_NE(five, six);
  EXPECT_EQ(stats->databases_end(), 3U);
  EXPECT_EQ(stats->FindDatabase(5), five);
  EXPECT_EQ(stats->FindOrInsertDatabase(5, NameOf("cinq")), five);
  EXPECT_STREQ(five->name.Read()->datname, "cinq");
  EXPECT_STREQ(six->name.Read()->datname, "six");
  EXPECT_EQ(stats->databases_end(), 3U);
}

TEST(SharedStatsTest, DatabasesThatFindNoPlaceAreNumberZero) {
  const SharedMemory stats;
  for (std::uint32_t i = 1; i < kMaxDatabases; ++i) {
    ASSERT_EQ(stats->FindOrInsertDatabase(1'000 + i, NameOf("x")), &stats->database(i));
  }
  EXPECT_EQ(stats->FindOrInsertDatabase(5'000, NameOf("y")), &stats->database(0));
  EXPECT_EQ(stats->FindDatabase(5'000), nullptr);
  EXPECT_EQ(stats->databases_end(), kMaxDatabases);
  EXPECT_EQ(stats->FindDatabase(1'500), &stats->database(500));
}

TEST(SharedStatsTest, NoMergeBeginsWhileSomebodyReads) {
  const SharedMemory stats;
  ASSERT_TRUE(stats->TryBeginMerge());
  stats->EndMerge();
  {
    const SharedStats::ReadGuard first(*stats);
    EXPECT_FALSE(stats->TryBeginMerge());
    {
      const SharedStats::ReadGuard second(*stats);
      EXPECT_FALSE(stats->TryBeginMerge());
    }
    EXPECT_FALSE(stats->TryBeginMerge());
  }
  EXPECT_TRUE(stats->TryBeginMerge());
  EXPECT_TRUE(stats->TryBeginMerge()) << "merges do not exclude each other";
  stats->EndMerge();
  stats->EndMerge();
}

TEST(SharedStatsTest, AReaderWaitsForAMergeUnderWay) {
  const SharedMemory stats;
  int merged = 0;  // not atomic: ordered by the merge's end and the guard
  ASSERT_TRUE(stats->TryBeginMerge());
  int seen = -1;
  std::thread reader([&] {
    const SharedStats::ReadGuard guard(*stats);
    seen = merged;
  });
  while (stats->TryBeginMerge()) {  // until the reader has announced itself
    stats->EndMerge();
  }
  merged = 1;
  stats->EndMerge();
  reader.join();
  EXPECT_EQ(seen, 1);
}

TEST(SharedStatsTest, AReaderDoesNotWaitForEverForAProcessThatWasStopped) {
  const SharedMemory stats;
  ASSERT_TRUE(stats->TryBeginMerge());
  const auto begin = std::chrono::steady_clock::now();
  { const SharedStats::ReadGuard guard(*stats); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  stats->EndMerge();
}

TEST(SharedStatsTest, ResettingEverythingWaitsForAStoppedProcessOnlyOnce) {
  const SharedMemory stats({200, 1});
  for (std::uint32_t i = 0; i < 200; ++i) {
    Insert(*stats, i);
  }
  ASSERT_TRUE(stats->TryBeginMerge());
  const auto begin = std::chrono::steady_clock::now();
  stats->ResetAll(kCreatedUs + 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  stats->EndMerge();
}

// What moves from one place to the other while no reader is at work is seen exactly once.
TEST(SharedStatsTest, ReadersSeeMovedCountsExactlyOnce) {
  constexpr std::uint64_t kTotal = 1'000;
  const SharedMemory stats;
  std::atomic<std::uint64_t> here = kTotal;
  std::atomic<std::uint64_t> there = 0;
  std::atomic<bool> done = false;
  std::thread merger([&] {
    for (int i = 0; i < 200'000; ++i) {
      if (stats->TryBeginMerge()) {
        std::atomic<std::uint64_t>& from = here.load(std::memory_order_relaxed) != 0 ? here : there;
        std::atomic<std::uint64_t>& to = &from == &here ? there : here;
        from.store(0, std::memory_order_relaxed);
        to.store(kTotal, std::memory_order_relaxed);
        stats->EndMerge();
      }
    }
    done = true;
  });
  int wrong = 0;
  while (!done) {
    const SharedStats::ReadGuard guard(*stats);
    const std::uint64_t sum =
        here.load(std::memory_order_relaxed) + there.load(std::memory_order_relaxed);
    wrong += sum != kTotal ? 1 : 0;
  }
  merger.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace pg_hello::shared
