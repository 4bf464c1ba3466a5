// What one backend remembers about one function: whether it is tracked, where its counters are and
// how many of its activations are open. There is one for each function a backend has met; a call
// site finds it once and keeps the pointer.
#ifndef PG_HELLO_PENDING_FUNCTION_REF_H
#define PG_HELLO_PENDING_FUNCTION_REF_H

#include <cstdint>

#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::pending {

enum class Verdict : std::uint8_t {
  kUnknown,    // ask again
  kUntracked,  // by the settings, or because it would be inlined
  kTracked,    // `row` is its row
  kOverflow,   // would be tracked, but the table is full; `epoch` is SharedStats::vacancies() then
};

struct FunctionRef {
  std::uint32_t funcid;
  std::uint32_t generation;     // of the settings and catalogs by which the verdict was given
  std::uint32_t epoch;          // of `row`
  std::uint32_t active;         // open activations in this backend
  std::uint32_t misses;         // calls that found no pending entry
  std::uint32_t syscache_hash;  // by which the server announces changes of the function
  Verdict verdict;
  bool row_known;  // `row` has been looked for since the verdict was given
  shared::FunctionRow* row;
  shared::FunctionKey row_key;
  shared::PendingCounters* pending;  // this backend's counters for it, if it has any
};

}  // namespace pg_hello::pending

#endif  // PG_HELLO_PENDING_FUNCTION_REF_H
