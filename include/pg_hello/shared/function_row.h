// One function's place in shared memory.
#ifndef PG_HELLO_SHARED_FUNCTION_ROW_H
#define PG_HELLO_SHARED_FUNCTION_ROW_H

#include <atomic>
#include <cstdint>

#include "pg_hello/shared/counters.h"
#include "pg_hello/shared/function_identity.h"
#include "pg_hello/shared/published.h"

namespace pg_hello::shared {

struct alignas(64) FunctionRow {
  // Raised whenever what has been counted so far stops being this row's: on a reset and when the
  // row is given to another function. Whoever caches a row caches the epoch with it; pending
  // counters of another epoch count for nothing. Odd while the row's counters are being cleared,
  // never 0 while it is live.
  std::atomic<std::uint32_t> epoch;
  std::atomic<std::uint32_t> live;
  std::atomic<std::uint32_t> first_epoch;  // in which the row was given to the present function
  std::atomic<std::uint32_t> dbid;
  std::atomic<std::uint32_t> funcid;
  std::atomic<std::uint32_t> temp_hash;
  std::uint32_t next_free;  // protected by the table lock
  std::atomic<std::int64_t> stats_since_us;
  // Who came first has the smaller number; rows themselves are used again and say nothing of it.
  std::atomic<std::uint64_t> arrival;
  Published<FunctionIdentity> identity;
  RowCounters counters;

  FunctionKey Key() const {
    return {dbid.load(std::memory_order_relaxed), funcid.load(std::memory_order_relaxed),
            temp_hash.load(std::memory_order_relaxed)};
  }
};

// A row and the epoch in which it is meant, as one word. 0 means none.
using RowEpoch = std::uint64_t;

inline RowEpoch MakeRowEpoch(std::uint32_t row, std::uint32_t epoch) {
  return (static_cast<RowEpoch>(row) << 32) | epoch;
}
inline std::uint32_t RowOf(RowEpoch row_epoch) {
  return static_cast<std::uint32_t>(row_epoch >> 32);
}
inline std::uint32_t EpochOf(RowEpoch row_epoch) { return static_cast<std::uint32_t>(row_epoch); }

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_FUNCTION_ROW_H
