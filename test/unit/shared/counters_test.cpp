#include "pg_hello/shared/counters.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::shared {
namespace {

using ::pg_hello::testing::CountedCalls;
using ::pg_hello::testing::Sample;
using ::pg_hello::testing::Zeroed;

void RunInThreads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back(work, i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

std::uint32_t ClassOf(const char* text) {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(text[0])) |
         static_cast<std::uint32_t>(static_cast<unsigned char>(text[1])) << 8;
}

TEST(MinimumEncodingTest, ZeroMeansNoneAndSmallerMinimaAreGreater) {
  EXPECT_EQ(DecodeMin(0), UINT64_MAX);
  EXPECT_GT(EncodeMin(5), EncodeMin(6));
  for (const std::uint64_t ns : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{953}}) {
    EXPECT_EQ(DecodeMin(EncodeMin(ns)), ns);
    EXPECT_NE(EncodeMin(ns), 0U);
  }
}

// Both shapes of counters give the same numbers for the same calls.
template <typename Counters>
class CountersTest : public ::testing::Test {
 protected:
  Zeroed<Counters> counters_;
};

using BothShapes = ::testing::Types<PendingCounters, RowCounters>;
TYPED_TEST_SUITE(CountersTest, BothShapes);

TYPED_TEST(CountersTest, RecordCountsACallWithAllItsNumbers) {
  TypeParam& counters = *this->counters_;
  counters.Record({5'000, 2'000, true});
  counters.Record({7'000, 7'000, true});
  EXPECT_EQ(counters.inclusive_ns, 12'000U);
  EXPECT_EQ(counters.nested_ns, 0U);
  EXPECT_EQ(counters.self_ns, 9'000U);
  EXPECT_EQ(DecodeMin(counters.encoded_min_ns), 5'000U);
  EXPECT_EQ(counters.max_ns, 7'000U);
  EXPECT_EQ(counters.sum_squares_ns2, 25e6 + 49e6);
  EXPECT_EQ(counters.buckets[measure::BucketFor(5'000)], 1U);
  EXPECT_EQ(counters.buckets[measure::BucketFor(7'000)], 1U);
  EXPECT_EQ(CountedCalls(counters), 2U);
}

TYPED_TEST(CountersTest, NestedActivationsAreKeptOutOfTheInclusiveTime) {
  TypeParam& counters = *this->counters_;
  counters.Record({3'000, 3'000, false});
  counters.Record({9'000, 6'000, true});
  EXPECT_EQ(counters.inclusive_ns, 9'000U);
  EXPECT_EQ(counters.nested_ns, 3'000U);
  EXPECT_EQ(counters.self_ns, 9'000U);
  EXPECT_EQ(CountedCalls(counters), 2U);
}

TYPED_TEST(CountersTest, ACallOfNoTimeAtAllIsTheMinimum) {
  TypeParam& counters = *this->counters_;
  counters.Record(Sample(10));
  counters.Record(Sample(0));
  EXPECT_EQ(DecodeMin(counters.encoded_min_ns), 0U);
  EXPECT_EQ(counters.max_ns, 10U);
  EXPECT_EQ(counters.buckets[0], 2U);
}

TYPED_TEST(CountersTest, ClearLeavesWhatZeroedMemoryIs) {
  TypeParam& counters = *this->counters_;
  counters.Record({5'000, 2'000, true});
  counters.Record({UINT64_MAX, 1, false});
  counters.Clear();
  const Zeroed<TypeParam> fresh;
  EXPECT_EQ(std::memcmp(&counters, &*fresh, sizeof(TypeParam)), 0);
}

TEST(PendingCountersTest, RecordSaysWhenABucketIsFull) {
  const Zeroed<PendingCounters> pending;
  const std::size_t bucket = measure::BucketFor(5'000);
  pending->buckets[bucket] = PendingCounters::kBucketIsFull - 2;
  EXPECT_FALSE(pending->Record(Sample(5'000)));
  EXPECT_TRUE(pending->Record(Sample(5'000)));
  EXPECT_TRUE(pending->Record(Sample(5'000)));
  EXPECT_FALSE(pending->Record(Sample(500'000)));
}

TEST(RowCountersTest, MergeAddsWhatRecordWouldHaveCounted) {
  const Zeroed<PendingCounters> pending;
  const Zeroed<RowCounters> merged;
  const Zeroed<RowCounters> direct;
  for (const CallSample& sample :
       {CallSample{4'000, 4'000, true}, CallSample{90'000, 10, true}, CallSample{7, 7, false}}) {
    pending->Record(sample);
    direct->Record(sample);
  }
  merged->Merge(*pending);
  EXPECT_EQ(std::memcmp(&*merged, &*direct, sizeof(RowCounters)), 0);
}

TEST(RowCountersTest, MergeKeepsTheLeastAndTheGreatestOfBothSides) {
  const Zeroed<PendingCounters> pending;
  const Zeroed<RowCounters> row;
  row->Record(Sample(100));
  row->Record(Sample(9'000));
  pending->Record(Sample(50));
  pending->Record(Sample(8'000));
  row->Merge(*pending);
  EXPECT_EQ(DecodeMin(row->encoded_min_ns), 50U);
  EXPECT_EQ(row->max_ns, 9'000U);
  EXPECT_EQ(CountedCalls(*row), 4U);
}

TEST(RowCountersTest, MergingNothingChangesNothing) {
  const Zeroed<PendingCounters> pending;
  const Zeroed<RowCounters> row;
  row->Record(Sample(100));
  row->Merge(*pending);
  EXPECT_EQ(DecodeMin(row->encoded_min_ns), 100U);
  EXPECT_EQ(row->max_ns, 100U);
  EXPECT_EQ(row->inclusive_ns, 100U);
}

TEST(RowCountersTest, MergedBucketsMayHoldMoreThanThirtyTwoBits) {
  const Zeroed<PendingCounters> pending;
  const Zeroed<RowCounters> row;
  pending->buckets[3] = UINT32_MAX;
  row->Merge(*pending);
  row->Merge(*pending);
  EXPECT_EQ(row->buckets[3], 2ULL * UINT32_MAX);
}

TEST(RowCountersTest, NothingIsLostWhenFourThreadsRecordAndMergeAtOnce) {
  constexpr std::uint64_t kCalls = 20'000;
  const Zeroed<RowCounters> row;
  RunInThreads(4, [&](int thread) {
    const auto ns = static_cast<std::uint64_t>(1'000 + thread);
    const Zeroed<PendingCounters> pending;
    for (std::uint64_t i = 0; i < kCalls; ++i) {
      row->Record(Sample(ns));
      pending->Record(Sample(ns));
      if (i % 100 == 99) {
        row->Merge(*pending);
        pending->Clear();
      }
    }
  });
  constexpr std::uint64_t kSumOfNs = 1'000 + 1'001 + 1'002 + 1'003;
  EXPECT_EQ(CountedCalls(*row), 2 * 4 * kCalls);
  EXPECT_EQ(row->inclusive_ns, 2 * kCalls * kSumOfNs);
  EXPECT_EQ(row->self_ns, 2 * kCalls * kSumOfNs);
  EXPECT_EQ(row->sum_squares_ns2,
            2.0 * kCalls * (1e6 + 1'001.0 * 1'001 + 1'002.0 * 1'002 + 1'003.0 * 1'003));
  EXPECT_EQ(DecodeMin(row->encoded_min_ns), 1'000U);
  EXPECT_EQ(row->max_ns, 1'003U);
}

TEST(ErrorOriginCountersTest, FifteenClassesAreKeptApartAndTheSixteenthIsOther) {
  const Zeroed<ErrorOriginCounters> origins;
  const auto class_number = [](std::uint32_t i) { return ClassOf("A0") + (i << 8); };
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < ErrorOriginCounters::kPlaces; ++i) {
      origins->Add(class_number(i));
    }
  }
  origins->Add(class_number(15));
  origins->Add(class_number(16));
  for (std::uint32_t i = 0; i < ErrorOriginCounters::kPlaces; ++i) {
    EXPECT_EQ(origins->places[i].sqlstate_class, class_number(i));
    EXPECT_EQ(origins->places[i].count, 3U);
  }
  EXPECT_EQ(origins->other, 2U);
}

TEST(ErrorOriginCountersTest, ClearForgetsTheCountsAndKeepsThePlaces) {
  const Zeroed<ErrorOriginCounters> origins;
  origins->Add(ClassOf("22"));
  origins->Add(ClassOf("23"));
  origins->Clear();
  EXPECT_EQ(origins->places[1].count, 0U);
  origins->Add(ClassOf("23"));
  EXPECT_EQ(origins->places[1].sqlstate_class, ClassOf("23"));
  EXPECT_EQ(origins->places[1].count, 1U);
}

TEST(ErrorOriginCountersTest, FourThreadsLoseNothingAndNeverShareAPlaceByMistake) {
  constexpr std::uint32_t kClasses = 20;
  constexpr std::uint32_t kRounds = 5'000;
  const Zeroed<ErrorOriginCounters> origins;
  RunInThreads(4, [&](int thread) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      for (std::uint32_t i = 0; i < kClasses; ++i) {
        origins->Add(1 + (i + 5 * static_cast<std::uint32_t>(thread)) % kClasses);
      }
    }
  });
  std::uint64_t sum = origins->other;
  std::vector<int> places_of(kClasses + 1);
  for (const ErrorOriginCounters::Place& place : origins->places) {
    EXPECT_EQ(place.count, 4 * kRounds) << "every class that has a place has all its errors";
    ++places_of.at(place.sqlstate_class);
    sum += place.count;
  }
  EXPECT_EQ(sum, 4ULL * kClasses * kRounds);
  EXPECT_EQ(places_of[0], 0);
  for (const int places : places_of) {
    EXPECT_LE(places, 1);
  }
}

}  // namespace
}  // namespace pg_hello::shared
