#include "pg_hello/measure/latency_buckets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

namespace pg_hello::measure {
namespace {

// The bucket by definition, without a table.
std::size_t NaiveBucket(std::uint64_t ns) {
  std::size_t bucket = 0;
  while (bucket < kBoundCount && ns > kUpperBoundsNs[bucket]) {
    ++bucket;
  }
  return bucket;
}

std::uint64_t LogUniform(std::mt19937_64& random) {
  const int bits = std::uniform_int_distribution<int>(0, 63)(random);
  const std::uint64_t low = std::uint64_t{1} << bits;
  return low | (random() & (low - 1));
}

TEST(LatencyBucketsTest, BoundsAreStrictlyAscending) {
  for (std::size_t i = 1; i < kBoundCount; ++i) {
    EXPECT_LT(kUpperBoundsNs[i - 1], kUpperBoundsNs[i]) << "bound " << i;
  }
}

TEST(LatencyBucketsTest, ThereAre238Buckets) {
  EXPECT_EQ(kBucketCount, 238U);
  EXPECT_EQ(kNativeBoundCount, 217U);
}

TEST(LatencyBucketsTest, EveryClassicAndNativeBoundIsAStoredBound) {
  for (std::size_t i = 0; i < kClassicBounds.size(); ++i) {
    ASSERT_LT(kClassicBucketEnd[i], kBoundCount);
    EXPECT_EQ(kUpperBoundsNs[kClassicBucketEnd[i]], kClassicBounds[i].ns);
  }
  for (std::size_t k = 0; k < kNativeBoundCount; ++k) {
    ASSERT_LT(kNativeBucketEnd[k], kBoundCount);
    EXPECT_EQ(kUpperBoundsNs[kNativeBucketEnd[k]], NativeBoundNs(k));
  }
}

TEST(LatencyBucketsTest, EveryStoredBoundIsAClassicOrANativeOne) {
  std::vector<bool> used(kBoundCount);
  for (const std::uint16_t end : kClassicBucketEnd) {
    used[end] = true;
  }
  for (const std::uint16_t end : kNativeBucketEnd) {
    used[end] = true;
  }
  for (std::size_t i = 0; i < kBoundCount; ++i) {
    EXPECT_TRUE(used[i]) << kUpperBoundsNs[i];
  }
}

TEST(LatencyBucketsTest, ClassicLabelsAreTheBoundsInSecondsInTheirShortestForm) {
  for (const ClassicBound& bound : kClassicBounds) {
    char label[32];
    std::snprintf(label, sizeof(label), "%g", static_cast<double>(bound.ns) / 1e9);
    EXPECT_STREQ(bound.le, label);
  }
}

// The documented fractions are doubles, the mathematical boundary is not: where both round down to
// the same nanosecond all is well, and nowhere may they be more than one apart.
TEST(LatencyBucketsTest, NativeBoundsAreEighthsOfAnOctaveInWholeNanoseconds) {
  for (std::size_t k = 0; k < kNativeBoundCount; ++k) {
    const long double exact =
        powl(2.0L, kMinExponent + static_cast<long double>(k) / kBoundsPerOctave) * 1e9L;
    const auto bound = static_cast<long double>(NativeBoundNs(k));
    const long double error_of_the_double = exact * 0x1p-52L;
    EXPECT_LE(bound, exact + error_of_the_double) << k;
    EXPECT_GT(bound + 1, exact - error_of_the_double) << k;
    if (floorl(exact - error_of_the_double) == floorl(exact + error_of_the_double)) {
      EXPECT_EQ(bound, floorl(exact)) << k;
    }
  }
}

TEST(LatencyBucketsTest, WholePowersOfTwoAreExactNativeBounds) {
  for (int exponent = 0; exponent <= kMaxExponent; ++exponent) {
    const auto k = static_cast<std::size_t>((exponent - kMinExponent) * kBoundsPerOctave);
    EXPECT_EQ(NativeBoundNs(k), 1'000'000'000ULL << exponent);
  }
}

TEST(LatencyBucketsTest, BucketForAgreesWithANaiveSearchAroundEveryBound) {
  for (const std::uint64_t bound : kUpperBoundsNs) {
    for (std::uint64_t ns = bound - 2; ns <= bound + 2; ++ns) {
      EXPECT_EQ(BucketFor(ns), NaiveBucket(ns)) << ns;
    }
  }
}

TEST(LatencyBucketsTest, BucketForAgreesWithANaiveSearchAroundEveryPowerOfTwo) {
  for (int exponent = 0; exponent < 64; ++exponent) {
    for (int step = 0; step < 16; ++step) {
      const std::uint64_t ns =
          (std::uint64_t{1} << exponent) / 16 * static_cast<unsigned>(16 + step);
      for (const std::uint64_t near : {ns - 1, ns, ns + 1}) {
        EXPECT_EQ(BucketFor(near), NaiveBucket(near)) << near;
      }
    }
  }
}

TEST(LatencyBucketsTest, ExtremeDurationsFallIntoTheFirstAndTheLastBucket) {
  EXPECT_EQ(BucketFor(0), 0U);
  EXPECT_EQ(BucketFor(1), 0U);
  EXPECT_EQ(BucketFor(UINT64_MAX), kBucketCount - 1);
}

TEST(LatencyBucketsTest, BucketForAgreesWithANaiveSearchOnRandomDurations) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t ns = LogUniform(random);
    const std::size_t bucket = BucketFor(ns);
    const bool not_below = bucket == 0 || ns > kUpperBoundsNs[bucket - 1];
    const bool not_above = bucket == kBoundCount || ns <= kUpperBoundsNs[bucket];
    if (!not_below || !not_above) {
      FAIL() << ns << " in bucket " << bucket;
    }
  }
}

class LatencyBucketsSumTest : public ::testing::Test {
 protected:
  LatencyBucketsSumTest() : buckets_(kBucketCount) {
    std::mt19937_64 random(2);
    std::lognormal_distribution<double> around_a_millisecond(std::log(1e6), 4.0);
    for (int i = 0; i < 20'000; ++i) {
      samples_.push_back(static_cast<std::uint64_t>(around_a_millisecond(random)));
    }
    // What lies on a boundary belongs below it.
    for (const std::uint64_t bound : kUpperBoundsNs) {
      samples_.push_back(bound);
    }
    for (const std::uint64_t ns : samples_) {
      ++buckets_[BucketFor(ns)];
    }
  }

  std::uint64_t SumUpTo(std::size_t end) const {
    return std::accumulate(buckets_.begin(),
                           buckets_.begin() + static_cast<std::ptrdiff_t>(end) + 1,
                           std::uint64_t{0});
  }

  std::uint64_t CountUpTo(std::uint64_t bound) const {
    return static_cast<std::uint64_t>(std::count_if(
        samples_.begin(), samples_.end(), [bound](std::uint64_t ns) { return ns <= bound; }));
  }

  std::vector<std::uint64_t> samples_;
  std::vector<std::uint64_t> buckets_;
};

TEST_F(LatencyBucketsSumTest, ClassicCountsAreExactSumsOfStoredBuckets) {
  for (std::size_t i = 0; i < kClassicBounds.size(); ++i) {
    EXPECT_EQ(SumUpTo(kClassicBucketEnd[i]), CountUpTo(kClassicBounds[i].ns));
  }
}

TEST_F(LatencyBucketsSumTest, NativeCountsAreExactSumsOfStoredBuckets) {
  for (std::size_t k = 0; k < kNativeBoundCount; ++k) {
    EXPECT_EQ(SumUpTo(kNativeBucketEnd[k]), CountUpTo(NativeBoundNs(k)));
  }
}

}  // namespace
}  // namespace pg_hello::measure
