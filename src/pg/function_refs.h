// This backend's table of functions: oid -> FunctionRef, and the verdict whether it is tracked.
#ifndef PG_HELLO_PG_FUNCTION_REFS_H
#define PG_HELLO_PG_FUNCTION_REFS_H

#include <cstdint>

#include "pg/pg.h"
#include "pg/settings.h"
#include "pg_hello/pending/function_ref.h"

namespace pg_hello::pg {

// Refs lie in one array that never moves, so that a pointer can be recognized as one of ours
// without following it.
struct FunctionRefs {
  pending::FunctionRef* base;
  std::uint32_t used;
};
extern FunctionRefs function_refs;

// Functions with smaller oids came with the server and are never tracked.
inline constexpr Oid kFirstUserFunction = 16384;

// The ref of `function` if `value` points to it, else null; the value is not followed unless it
// points into the array.
inline pending::FunctionRef* FunctionRefAt(std::uintptr_t value, Oid function) {
  const std::uintptr_t offset = value - reinterpret_cast<std::uintptr_t>(function_refs.base);
  if (offset >= function_refs.used * sizeof(pending::FunctionRef)) {
    return nullptr;
  }
  auto* ref = reinterpret_cast<pending::FunctionRef*>(value);
  return ref->funcid == function ? ref : nullptr;
}

// The ref of a function, made if there is none. Null if there is no memory for it. Raises no error.
pending::FunctionRef* FindOrMakeRef(Oid function);

// Whether the function is to be hooked, by the settings and catalogs of now; gives the verdict if
// that has not been done. REQUIRES: a transaction.
bool IsTracked(pending::FunctionRef* ref);

// Brings a ref up to date whose function is about to be called: verdict and, if it is tracked, row.
// REQUIRES: a transaction.
void PrepareRef(pending::FunctionRef* ref);

// Whether a call of a tracked function may go by what the ref says: two comparisons.
inline bool IsReady(const pending::FunctionRef* ref) {
  return ref->ready == tracking_generation &&
         ref->row->epoch.load(std::memory_order_relaxed) == ref->epoch;
}

// Registers for the invalidations that make verdicts and names stale. Once in a process.
void WatchCatalogs();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_FUNCTION_REFS_H
