// One backend's place in shared memory: its pending counters and the calls it is in. Only the
// backend that holds the slot writes to it, but for `worker_error`; anybody reads.
//
// Pending counters outlive the backend: they stay in the slot, still counted, and the next backend
// in the slot goes on adding to them. So there is nothing to flush at a commit or at exit, nothing
// is lost when a backend is terminated, and a scrape sees a call the moment it has ended.
#ifndef PG_HELLO_SHARED_BACKEND_SLOT_H
#define PG_HELLO_SHARED_BACKEND_SLOT_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pg_hello/shared/counters.h"
#include "pg_hello/shared/function_row.h"

namespace pg_hello::shared {

// Functions with pending counters of their own, per backend. Calls of further functions are added
// to the shared row, or push out another function's counters (pending/pending_stats.h).
inline constexpr std::size_t kPendingEntries = 64;

// Open calls that other processes can see; deeper ones are counted and timed like any other.
inline constexpr std::size_t kVisibleDepth = 64;

struct ActiveCall {
  std::atomic<RowEpoch> function;  // 0: not a tracked function
  std::atomic<std::uint64_t> start_ticks;
};

struct alignas(64) BackendSlot {
  std::atomic<std::uint32_t> pid;           // 0: free
  std::atomic<std::uint32_t> depth;         // open calls, also beyond kVisibleDepth
  std::atomic<std::uint32_t> clock_source;  // measure::ClockSource of start_ticks
  // SQLSTATE, as the server encodes it, of an error that began in a function of one of the
  // backend's parallel workers, which wrote it here. 0: none that the backend has not heard of.
  std::atomic<std::int32_t> worker_error;
  std::array<ActiveCall, kVisibleDepth> active;
  // Whose counters pending[i] are; 0: nobody's.
  std::array<std::atomic<RowEpoch>, kPendingEntries> owner;
  std::array<PendingCounters, kPendingEntries> pending;
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_BACKEND_SLOT_H
