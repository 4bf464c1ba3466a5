// What every call asks of the shell, together on one cache line: a function's own work pushes other
// data out of the nearest cache, so each line that the hooks touch costs.
#ifndef PG_HELLO_PG_CALL_PATH_H
#define PG_HELLO_PG_CALL_PATH_H

#include <cstddef>
#include <cstdint>

#include "pg/pg.h"
#include "pg_hello/pending/function_ref.h"

namespace pg_hello::pg {

// Where to find a ref by oid. Open addressing; an element is a ref's number + 1, 0 is empty. There
// are empty ones. Grows by doubling.
struct RefIndex {
  std::uint32_t* places;
  std::uint32_t mask;
  std::uint32_t shift;
};

struct alignas(64) CallPath {
  // Raised by every change of a setting that decides which functions are tracked, or by which
  // clock.
  std::uint32_t generation;
  // An error is on its way up: the frames it leaves now are not its origin.
  bool unwinding;
  // This backend's refs, in one array that never moves, so that a pointer can be recognized as one
  // of ours without following it.
  pending::FunctionRef* refs;
  std::size_t refs_bytes;  // of those in use
  RefIndex index;
};

extern CallPath call_path;

// The ref of `function` if `value` points to it, else null.
inline pending::FunctionRef* FunctionRefAt(std::uintptr_t value, Oid function) {
  if (value - reinterpret_cast<std::uintptr_t>(call_path.refs) >= call_path.refs_bytes) {
    return nullptr;
  }
  auto* ref = reinterpret_cast<pending::FunctionRef*>(value);
  return ref->funcid == function ? ref : nullptr;  // NOLINT: null is outside
}

// The place from which on a function is looked for in an index of 2^(32 - shift) places (Knuth,
// TAOCP 6.4, Fibonacci hashing).
inline std::uint32_t HomeOf(Oid function, std::uint32_t shift) {
  return (function * 0x9e3779b1U) >> shift;
}

// The ref of a function that this backend has met, or null.
inline pending::FunctionRef* FindRef(Oid function) {
  const RefIndex& index = call_path.index;
  if (index.places == nullptr) {
    return nullptr;
  }
  std::uint32_t i = HomeOf(function, index.shift);
  while (const std::uint32_t number = index.places[i]) {
    if (call_path.refs[number - 1].funcid == function) {
      return &call_path.refs[number - 1];
    }
    i = (i + 1) & index.mask;
  }
  return nullptr;
}

// Whether a call of a tracked function may go by what the ref says.
inline bool IsReady(const pending::FunctionRef* ref) {
  return ref->ready == call_path.generation &&
         ref->row->epoch.load(std::memory_order_relaxed) == ref->epoch;
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_CALL_PATH_H
