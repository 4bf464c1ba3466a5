// What one backend remembers about one function: whether it is tracked, where its counters are and
// how many of its activations are open. There is one for each function a backend has met; a call
// site finds it once and keeps the pointer.
#ifndef PG_HELLO_PENDING_FUNCTION_REF_H
#define PG_HELLO_PENDING_FUNCTION_REF_H

#include <cstdint>

#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::pending {

enum class Verdict : std::uint8_t {
  kUnknown,    // not judged yet
  kUntracked,  // by the settings, because it would be inlined, or because it was dropped
  kWanted,     // to be tracked; its row has not been looked for since that was decided
  kTracked,    // `row` is its row
  kOverflow,   // would be tracked, but the table is full; `epoch` is SharedStats::vacancies() then
};

struct alignas(64) FunctionRef {
  // The generation of settings and catalogs in which a call may go by what stands here without any
  // further question; 0 for none. Set only for tracked functions that have a row.
  std::uint32_t ready;
  std::uint32_t funcid;
  shared::FunctionRow* row;
  shared::PendingCounters* pending;  // this backend's counters for it, if it has any
  shared::RowEpoch row_epoch;        // `row` and `epoch` as other processes are shown them
  std::uint32_t epoch;               // of `row`
  std::uint32_t active;              // open activations in this backend

  std::uint32_t generation;     // in which the verdict was given
  std::uint32_t syscache_hash;  // by which the server announces changes of the function
  shared::FunctionKey row_key;
  std::uint16_t misses;  // calls that found no pending entry
  Verdict verdict;
};

static_assert(sizeof(FunctionRef) == 64);

}  // namespace pg_hello::pending

#endif  // PG_HELLO_PENDING_FUNCTION_REF_H
