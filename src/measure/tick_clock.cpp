// Kept apart from the clock's readings: this is what happens once, when the server starts, and the
// only place that asks what machine this is.
#include "pg_hello/measure/tick_clock.h"

#include <cstdio>
#include <cstring>

#ifdef PG_HELLO_HAVE_TSC
#include <cpuid.h>
#endif

namespace pg_hello::measure {

#ifdef PG_HELLO_HAVE_TSC

namespace {

bool CpuHasInvariantTsc() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0x80000007U, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1U << 8)) != 0;
}

bool KernelUsesTsc() {
  constexpr const char* kPath = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  std::FILE* file = std::fopen(kPath, "re");
  if (file == nullptr) {
    return false;
  }
  char name[16] = "";
  const bool read = std::fgets(name, sizeof(name), file) != nullptr;
  std::fclose(file);
  return read && std::strcmp(name, "tsc\n") == 0;
}

struct Reading {
  std::uint64_t tsc;
  std::uint64_t ns;
};

// Both clocks at (nearly) the same instant: of several attempts, the one in which the least time
// went by around the reading of the other clock.
Reading ReadBoth() {
  Reading best{};
  std::uint64_t shortest = UINT64_MAX;
  for (int attempt = 0; attempt < 32; ++attempt) {
    const std::uint64_t before = __rdtsc();
    const std::uint64_t ns = MonotonicNs();
    const std::uint64_t after = __rdtsc();
    if (after - before < shortest) {
      shortest = after - before;
      best = {before + (after - before) / 2, ns};
    }
  }
  return best;
}

}  // namespace

bool TscIsTrustworthy() { return CpuHasInvariantTsc() && KernelUsesTsc(); }

TickClock Calibrate(ClockSource source) {
  TickClock clock;
  clock.source = source;
  if (source == ClockSource::kTsc) {
    constexpr std::uint64_t kPeriodNs = 20'000'000;
    const Reading first = ReadBoth();
    Reading last = ReadBoth();
    while (last.ns - first.ns < kPeriodNs) {
      last = ReadBoth();
    }
    const auto ns = static_cast<Uint128>(last.ns - first.ns) << 32;
    clock.ns_per_tick = static_cast<std::uint64_t>(ns / (last.tsc - first.tsc));
  }
  return clock;
}

#else

bool TscIsTrustworthy() { return false; }

TickClock Calibrate(ClockSource source) {
  (void)source;
  return TickClock{};
}

#endif

}  // namespace pg_hello::measure
