// The classic histogram's counts, which all formats show.
#ifndef PG_HELLO_EXPOSITION_CLASSIC_BUCKETS_H
#define PG_HELLO_EXPOSITION_CLASSIC_BUCKETS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

using ClassicCountArray = std::array<std::uint64_t, measure::kClassicBounds.size() + 1>;

// How many calls took no longer than each of measure::kClassicBounds, and how many there are.
inline ClassicCountArray ClassicCounts(const snapshot::Buckets& buckets) {
  ClassicCountArray counts;
  const std::span<const std::uint64_t> kept = buckets.counts();
  std::uint64_t total = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    for (; next < kept.size() && buckets.first() + next <= measure::kClassicBucketEnd[i]; ++next) {
      total += kept[next];
    }
    counts[i] = total;
  }
  for (; next < kept.size(); ++next) {
    total += kept[next];
  }
  counts.back() = total;
  return counts;
}

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_CLASSIC_BUCKETS_H
