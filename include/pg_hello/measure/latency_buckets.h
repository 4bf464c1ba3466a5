// The latency histogram's boundaries: compile-time constants, the same on every server and in every
// release, so that histograms of many servers can be added.
//
// Two sets of boundaries are wanted at once. Prometheus' native histograms (schema 3) have the
// boundaries 2^(k/8) seconds; classic histograms and people want decimal ones (0.005, 0.01, ...).
// The stored buckets are cut at the sorted union of both sets, so either histogram is an exact sum
// of stored buckets and one increment per call serves both.
//
// Source of the native boundaries: prometheus/client_golang, prometheus/histogram.go,
// `nativeHistogramBounds`, schema 3; the same doubles are used here.
#ifndef PG_HELLO_MEASURE_LATENCY_BUCKETS_H
#define PG_HELLO_MEASURE_LATENCY_BUCKETS_H

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "pg_hello/measure/uint128.h"

namespace pg_hello::measure {

// Native boundaries run from 2^kMinExponent (0.95 us) to 2^kMaxExponent (128 s), eight an octave.
inline constexpr int kNativeSchema = 3;
inline constexpr int kBoundsPerOctave = 1 << kNativeSchema;
inline constexpr int kMinExponent = -20;
inline constexpr int kMaxExponent = 7;
inline constexpr std::size_t kNativeBoundCount =
    static_cast<std::size_t>(kMaxExponent - kMinExponent) * kBoundsPerOctave + 1;

// A boundary of the classic histogram. `le` is the label as Prometheus itself would print it.
struct ClassicBound {
  std::uint64_t ns;
  const char* le;
};

inline constexpr std::array<ClassicBound, 23> kClassicBounds = {{
    {1'000, "1e-06"},      {2'500, "2.5e-06"},     {5'000, "5e-06"},       {10'000, "1e-05"},
    {25'000, "2.5e-05"},   {50'000, "5e-05"},      {100'000, "0.0001"},    {250'000, "0.00025"},
    {500'000, "0.0005"},   {1'000'000, "0.001"},   {2'500'000, "0.0025"},  {5'000'000, "0.005"},
    {10'000'000, "0.01"},  {25'000'000, "0.025"},  {50'000'000, "0.05"},   {100'000'000, "0.1"},
    {250'000'000, "0.25"}, {500'000'000, "0.5"},   {1'000'000'000, "1"},   {2'500'000'000, "2.5"},
    {5'000'000'000, "5"},  {10'000'000'000, "10"}, {30'000'000'000, "30"},
}};

// The classic bounds that are native ones too (0.25, 0.5 and 1 s) are stored once.
inline constexpr std::size_t kSharedBoundCount = 3;
inline constexpr std::size_t kBoundCount =
    kNativeBoundCount + kClassicBounds.size() - kSharedBoundCount;

// Bucket i holds the durations d (whole nanoseconds) with bound[i-1] < d <= bound[i]; bucket 0 also
// holds everything shorter, the last one (kBucketCount - 1) everything longer than the last bound.
inline constexpr std::size_t kBucketCount = kBoundCount + 1;

// Native boundary number k (0 .. kNativeBoundCount - 1), that is 2^(kMinExponent + k/8) seconds,
// rounded down to whole nanoseconds: for a whole number of nanoseconds d, d <= boundary exactly if
// d <= NativeBoundNs(k).
constexpr std::uint64_t NativeBoundNs(std::size_t k) {
  // 2^(i/8 - 1) for i = 0..7: the fractions of nativeHistogramBounds for schema 3.
  constexpr std::array<double, kBoundsPerOctave> kFractions = {
      0.5,
      0.5452538663326288,
      0.5946035575013605,
      0.6484197773255048,
      0.7071067811865475,
      0.7711054127039704,
      0.8408964152537144,
      0.9170040432046711,
  };
  // A fraction is mantissa * 2^-53; the product with 10^9 fits 128 bits, so nothing is rounded
  // before the final shift.
  const auto mantissa = static_cast<std::uint64_t>(kFractions[k % kBoundsPerOctave] * 0x1p53);
  const int exponent = kMinExponent + static_cast<int>(k / kBoundsPerOctave) + 1;
  const auto product = static_cast<Uint128>(mantissa) * 1'000'000'000U;
  return static_cast<std::uint64_t>(product >> (53 - exponent));
}

// Upper bounds of all stored buckets but the last, in nanoseconds, ascending.
inline constexpr std::array<std::uint64_t, kBoundCount> kUpperBoundsNs = []() {
  std::array<std::uint64_t, kBoundCount> bounds{};
  std::size_t native = 0;
  std::size_t classic = 0;
  for (auto& bound : bounds) {
    const std::uint64_t n = native < kNativeBoundCount ? NativeBoundNs(native) : UINT64_MAX;
    const std::uint64_t c =
        classic < kClassicBounds.size() ? kClassicBounds[classic].ns : UINT64_MAX;
    bound = std::min(n, c);
    native += (n == bound) ? 1 : 0;
    classic += (c == bound) ? 1 : 0;
  }
  return bounds;
}();

// The stored bucket whose upper bound is `ns`; `ns` must be one of kUpperBoundsNs.
constexpr std::size_t BucketWithUpperBound(std::uint64_t ns) {
  return static_cast<std::size_t>(
      std::lower_bound(kUpperBoundsNs.begin(), kUpperBoundsNs.end(), ns) - kUpperBoundsNs.begin());
}

// For each classic bound, the stored bucket that ends there: the classic count for
// kClassicBounds[i] is the sum of the stored buckets 0 .. kClassicBucketEnd[i], inclusive.
inline constexpr std::array<std::uint16_t, kClassicBounds.size()> kClassicBucketEnd = []() {
  std::array<std::uint16_t, kClassicBounds.size()> ends{};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i] = static_cast<std::uint16_t>(BucketWithUpperBound(kClassicBounds[i].ns));
  }
  return ends;
}();

// The same for each native bound.
inline constexpr std::array<std::uint16_t, kNativeBoundCount> kNativeBucketEnd = []() {
  std::array<std::uint16_t, kNativeBoundCount> ends{};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i] = static_cast<std::uint16_t>(BucketWithUpperBound(NativeBoundNs(i)));
  }
  return ends;
}();

namespace internal {

// Where to start looking for a duration's bucket: one entry for each power of two and each
// sixteenth between it and the next. A sixteenth is narrower than the distance of two native
// bounds, so it holds at most one of these and one classic bound.
inline constexpr int kSteps = 16;
inline constexpr int kStepBits = 4;
inline constexpr int kBoundsPerStep = 2;
inline constexpr std::array<std::uint8_t, 64 * kSteps> kFirstBucket = []() {
  std::array<std::uint8_t, 64 * kSteps> first{};
  for (int exponent = kStepBits; exponent < 64; ++exponent) {
    for (int step = 0; step < kSteps; ++step) {
      const std::uint64_t low = (std::uint64_t{1} << exponent) +
                                (static_cast<std::uint64_t>(step) << (exponent - kStepBits));
      first[static_cast<std::size_t>(exponent) * kSteps + static_cast<std::size_t>(step)] =
          static_cast<std::uint8_t>(BucketWithUpperBound(low));
    }
  }
  return first;
}();

// The same bounds, and some that nothing exceeds: so many comparisons can be made from any bucket.
inline constexpr std::array<std::uint64_t, kBoundCount + kBoundsPerStep> kPaddedBoundsNs = []() {
  std::array<std::uint64_t, kBoundCount + kBoundsPerStep> bounds{};
  bounds.fill(UINT64_MAX);
  std::copy(kUpperBoundsNs.begin(), kUpperBoundsNs.end(), bounds.begin());
  return bounds;
}();

}  // namespace internal

// The stored bucket of a duration. Any value is allowed; no memory is allocated, nothing fails.
// Adds comparisons up instead of branching: by nothing but the duration's last digits, a branch
// would go the unexpected way half of the time.
inline std::size_t BucketFor(std::uint64_t ns) {
  if (ns <= kUpperBoundsNs[0]) {
    return 0;
  }
  const int exponent = 63 ^ std::countl_zero(ns);
  const auto step =
      static_cast<std::size_t>(ns >> (exponent - internal::kStepBits)) & (internal::kSteps - 1);
  const std::size_t first =
      internal::kFirstBucket[static_cast<std::size_t>(exponent) * internal::kSteps + step];
  std::size_t bucket = first;
  for (std::size_t i = 0; i < internal::kBoundsPerStep; ++i) {
    bucket += ns > internal::kPaddedBoundsNs[first + i] ? 1 : 0;
  }
  return bucket;
}

static_assert(kBucketCount == 238, "the layout of shared memory depends on the number of buckets");
static_assert(kUpperBoundsNs[0] == 953 && kUpperBoundsNs[kBoundCount - 1] == 128'000'000'000);

}  // namespace pg_hello::measure

#endif  // PG_HELLO_MEASURE_LATENCY_BUCKETS_H
