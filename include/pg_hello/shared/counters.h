// The numbers kept for one function, in two shapes that add up.
//
// PendingCounters belong to one backend, which alone writes them: plain loads and stores (relaxed
// atomics, so that a reader never sees half a word), no locked instruction, no contention.
// RowCounters belong to the function's row and are written by anybody: atomic additions.
// A function's value is its row's plus those of all pending entries that point to the row.
#ifndef PG_HELLO_SHARED_COUNTERS_H
#define PG_HELLO_SHARED_COUNTERS_H

#include <array>
#include <atomic>
#include <cstdint>

#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::shared {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free &&
              std::atomic<double>::is_always_lock_free);

// One finished call, measured. Durations are nanoseconds.
struct CallSample {
  std::uint64_t elapsed_ns;
  std::uint64_t self_ns;
  bool outermost;  // not inside another activation of the same function
};

namespace internal {

template <typename T>
void AddSingleWriter(std::atomic<T>& counter, T value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

void AddShared(std::atomic<double>& counter, double value);
void RaiseTo(std::atomic<std::uint64_t>& maximum, std::uint64_t value);

}  // namespace internal

// A minimum is kept as its complement, so that zeroed memory means "none" and raising works for
// minimum and maximum alike.
inline std::uint64_t EncodeMin(std::uint64_t ns) { return ~ns; }
inline std::uint64_t DecodeMin(std::uint64_t encoded) { return ~encoded; }

// The first buckets, where fast functions' calls fall, share a cache line with the sums.
struct alignas(64) PendingCounters {
  std::atomic<std::uint64_t> inclusive_ns;
  std::atomic<std::uint64_t>
      nested_ns;  // durations of activations inside another of the same function
  std::atomic<std::uint64_t> self_ns;
  std::atomic<std::uint64_t> encoded_min_ns;
  std::atomic<std::uint64_t> max_ns;
  std::atomic<double> sum_squares_ns2;
  std::array<std::atomic<std::uint32_t>, measure::kBucketCount> buckets;

  // A bucket that reaches this wants to be merged into the row before it overflows; at 50 million
  // calls a second there are still 40 s to do it.
  static constexpr std::uint32_t kBucketIsFull = std::uint32_t{1} << 31;

  // Only the owner may call it. Returns true if a bucket is full.
  [[gnu::always_inline]] bool Record(const CallSample& sample) {
    using internal::AddSingleWriter;
    const std::size_t bucket = measure::BucketFor(sample.elapsed_ns);
    const std::uint32_t count = buckets[bucket].load(std::memory_order_relaxed) + 1;
    buckets[bucket].store(count, std::memory_order_relaxed);
    AddSingleWriter(sample.outermost ? inclusive_ns : nested_ns, sample.elapsed_ns);
    AddSingleWriter(self_ns, sample.self_ns);
    // Signed, because that is one instruction.
    const auto elapsed = static_cast<double>(static_cast<std::int64_t>(sample.elapsed_ns));
    AddSingleWriter(sum_squares_ns2, elapsed * elapsed);
    if (sample.elapsed_ns > max_ns.load(std::memory_order_relaxed)) {
      max_ns.store(sample.elapsed_ns, std::memory_order_relaxed);
    }
    if (EncodeMin(sample.elapsed_ns) > encoded_min_ns.load(std::memory_order_relaxed)) {
      encoded_min_ns.store(EncodeMin(sample.elapsed_ns), std::memory_order_relaxed);
    }
    return count >= kBucketIsFull;
  }

  // Only the owner may call it.
  void Clear();
};

// Errors by SQLSTATE class. Few classes ever occur in one function, so a class claims one of a few
// places when it first does; what finds no place is counted in `other`.
struct ErrorOriginCounters {
  static constexpr std::size_t kPlaces = 15;
  struct Place {
    std::atomic<std::uint32_t> sqlstate_class;  // two characters, first in the low byte; 0: free
    std::atomic<std::uint64_t> count;
  };
  std::array<Place, kPlaces> places;
  std::atomic<std::uint64_t> other;

  void Add(std::uint32_t sqlstate_class);
  void Clear();
  // Frees the places as well. REQUIRES: nobody can be adding; the row is not live.
  void Vacate();
};

struct RowCounters {
  std::atomic<std::uint64_t> inclusive_ns;
  std::atomic<std::uint64_t> nested_ns;
  std::atomic<std::uint64_t> self_ns;
  std::atomic<std::uint64_t> encoded_min_ns;
  std::atomic<std::uint64_t> max_ns;
  std::atomic<double> sum_squares_ns2;
  std::array<std::atomic<std::uint64_t>, measure::kBucketCount> buckets;
  // Rare enough to be counted here at once rather than pending.
  std::atomic<std::uint64_t> errors;
  std::atomic<std::uint64_t> canceled;
  std::atomic<std::uint64_t> untimed;
  std::atomic<std::uint64_t> iterations;
  ErrorOriginCounters error_origins;

  void Record(const CallSample& sample);
  void Merge(const PendingCounters& pending);
  void Clear();
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_COUNTERS_H
