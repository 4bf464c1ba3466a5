// What every call asks of the shell, together on one cache line: a function's own work pushes other
// data out of the nearest cache, so each line that the hooks touch costs.
#ifndef PG_HELLO_PG_CALL_PATH_H
#define PG_HELLO_PG_CALL_PATH_H

#include <cstddef>
#include <cstdint>

#include "pg/pg.h"
#include "pg_hello/pending/function_ref.h"

namespace pg_hello::pg {

struct alignas(64) CallPath {
  // Raised by every change of a setting that decides which functions are tracked, or by which
  // clock.
  std::uint32_t generation;
  // Another library uses fmgr_hook behind us.
  bool chained;
  // An error is on its way up: the frames it leaves now are not its origin.
  bool unwinding;
  // This backend's refs, in one array that never moves, so that a pointer can be recognized as one
  // of ours without following it.
  pending::FunctionRef* refs;
  std::size_t refs_bytes;  // of those in use
};

extern CallPath call_path;

// The ref of `function` if `value` points to it, else null.
inline pending::FunctionRef* FunctionRefAt(std::uintptr_t value, Oid function) {
  if (value - reinterpret_cast<std::uintptr_t>(call_path.refs) >= call_path.refs_bytes) {
    return nullptr;
  }
  auto* ref = reinterpret_cast<pending::FunctionRef*>(value);
  return ref->funcid == function ? ref : nullptr;
}

// Whether a call of a tracked function may go by what the ref says.
inline bool IsReady(const pending::FunctionRef* ref) {
  return ref->ready == call_path.generation &&
         ref->row->epoch.load(std::memory_order_relaxed) == ref->epoch;
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_CALL_PATH_H
