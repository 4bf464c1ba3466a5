#include "pg_hello/measure/tick_clock.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace pg_hello::measure {
namespace {

TEST(TickClockTest, MonotonicTicksAreNanoseconds) {
  const TickClock clock = Calibrate(ClockSource::kMonotonic);
  EXPECT_EQ(clock.source, ClockSource::kMonotonic);
  for (const std::uint64_t ticks : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999'999'999},
                                    UINT64_MAX / 2, UINT64_MAX}) {
    EXPECT_EQ(clock.ToNs(ticks), ticks);
  }
}

TEST(TickClockTest, AClockThatWasNotCalibratedIsTheMonotonicOne) {
  const TickClock clock;
  const std::uint64_t before = MonotonicNs();
  const std::uint64_t now = clock.Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, MonotonicNs());
}

TEST(TickClockTest, TicksAreScaledBySixtyFourBitsWithoutOverflow) {
  const TickClock third{ClockSource::kTsc, (std::uint64_t{1} << 32) / 3};
  EXPECT_EQ(third.ToNs(0), 0U);
  EXPECT_EQ(third.ToNs(3'000'000), 999'999U);
  // A hundred years of a 3 GHz counter, good to a second.
  const std::uint64_t century_ns = 100ULL * 365 * 86'400 * 1'000'000'000;
  EXPECT_NEAR(static_cast<double>(third.ToNs(century_ns * 3)), static_cast<double>(century_ns),
              1e9 * 2);
}

TEST(TickClockTest, PartsOfOneIntervalNeverSumToMoreThanTheWhole) {
  const TickClock clock{ClockSource::kTsc, 1'431'655'765};
  for (std::uint64_t a = 0; a < 200; ++a) {
    for (std::uint64_t b = 0; b < 200; ++b) {
      ASSERT_LE(clock.ToNs(a) + clock.ToNs(b), clock.ToNs(a + b));
    }
  }
}

TEST(TickClockTest, SourcesHaveNames) {
  EXPECT_STREQ(ClockSourceName(ClockSource::kMonotonic), "monotonic");
  EXPECT_STREQ(ClockSourceName(ClockSource::kTsc), "tsc");
}

// The reading of the counter that lies closest to a reading of CLOCK_MONOTONIC; the process may be
// interrupted between any two.
struct Pair {
  std::uint64_t ticks;
  std::uint64_t ns;
};

Pair ReadTogether(const TickClock& clock) {
  Pair best{};
  std::uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t before = MonotonicNs();
    const std::uint64_t ticks = clock.Now();
    const std::uint64_t after = MonotonicNs();
    if (after - before < shortest) {
      shortest = after - before;
      best = {ticks, before + (after - before) / 2};
    }
  }
  return best;
}

TEST(TickClockTest, TheCalibratedCounterMeasuresTheSameAsTheMonotonicClock) {
  if (!TscIsTrustworthy()) {
    GTEST_SKIP() << "no time-stamp counter to be trusted on this machine";
  }
  const TickClock clock = Calibrate(ClockSource::kTsc);
  EXPECT_EQ(clock.source, ClockSource::kTsc);
  const Pair first = ReadTogether(clock);
  Pair last = first;
  while (last.ns - first.ns < 25'000'000) {
    last = ReadTogether(clock);
  }
  const auto expected = static_cast<double>(last.ns - first.ns);
  const auto measured = static_cast<double>(clock.ToNs(last.ticks - first.ticks));
  EXPECT_NEAR(measured / expected, 1.0, 0.001);
}

}  // namespace
}  // namespace pg_hello::measure
