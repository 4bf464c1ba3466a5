// The clock that times calls: ticks of the CPU's time-stamp counter where the machine has an
// invariant one that the kernel trusts, else nanoseconds of CLOCK_MONOTONIC. Reading the counter
// costs 10 ns, clock_gettime 21 ns, twice a call; that is most of what a tracked call costs.
//
// A TickClock is a plain value: calibrated once by the postmaster, stored in shared memory, and so
// the same in every process. Ticks become nanoseconds by one 64 x 64 -> 128 bit multiplication.
#ifndef PG_HELLO_MEASURE_TICK_CLOCK_H
#define PG_HELLO_MEASURE_TICK_CLOCK_H

#include <cstdint>
#include <ctime>

#include "pg_hello/measure/uint128.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#define PG_HELLO_HAVE_TSC 1
#endif

namespace pg_hello::measure {

enum class ClockSource : std::uint32_t { kMonotonic = 0, kTsc = 1 };

inline const char* ClockSourceName(ClockSource source) {
  return source == ClockSource::kTsc ? "tsc" : "monotonic";
}

inline std::uint64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

struct TickClock {
  ClockSource source = ClockSource::kMonotonic;
  std::uint64_t ns_per_tick = std::uint64_t{1} << 32;  // 32.32 fixed point

  std::uint64_t Now() const { return IsQuick() ? QuickNow() : MonotonicNs(); }

  // Whether the clock is read by an instruction instead of a function. A function without calls on
  // its way has no registers to save, so who is in a hurry asks, and has a way for either.
  bool IsQuick() const {
#ifdef PG_HELLO_HAVE_TSC
    return source == ClockSource::kTsc;
#else
    return false;
#endif
  }

  // REQUIRES: IsQuick().
  std::uint64_t QuickNow() const {
#ifdef PG_HELLO_HAVE_TSC
    // Not rdtscp or lfence: ordering costs as much again, and the instructions between two
    // readings of one call (a PG_TRY at least) are more than the pipeline can reorder over.
    return __rdtsc();
#else
    return 0;
#endif
  }

  std::uint64_t ToNs(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>((static_cast<Uint128>(ticks) * ns_per_tick) >> 32);
  }
};

// Whether calls can be timed by the time-stamp counter: the CPU calls it invariant (CPUID
// 8000_0007h, EDX bit 8) and the kernel uses it as its own clock source, so it has checked that the
// counters of all CPUs agree.
bool TscIsTrustworthy();

// The clock of the given source. For the time-stamp counter its frequency is measured against
// CLOCK_MONOTONIC over about 20 ms (blocking), to a few parts in a million. REQUIRES for kTsc:
// TscIsTrustworthy().
TickClock Calibrate(ClockSource source);

}  // namespace pg_hello::measure

#endif  // PG_HELLO_MEASURE_TICK_CLOCK_H
