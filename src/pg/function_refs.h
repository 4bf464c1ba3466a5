// This backend's table of functions: oid -> FunctionRef, and the verdict whether it is tracked.
#ifndef PG_HELLO_PG_FUNCTION_REFS_H
#define PG_HELLO_PG_FUNCTION_REFS_H

#include <cstdint>

#include "pg/pg.h"
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

inline bool IsFunctionRef(std::uintptr_t value) {
  const std::uintptr_t offset = value - reinterpret_cast<std::uintptr_t>(function_refs.base);
  return offset < function_refs.used * sizeof(pending::FunctionRef) &&
         offset % sizeof(pending::FunctionRef) == 0;
}

// The ref of a function, made if there is none. Null if there is no memory for it. Raises no error.
pending::FunctionRef* FindOrMakeRef(Oid function);

// Whether the function is to be hooked, by the settings and catalogs of now; gives the verdict if
// that has not been done. REQUIRES: a transaction.
bool IsTracked(pending::FunctionRef* ref);

// Makes a tracked function's row if it has none, and finds it. REQUIRES: a transaction; the
// function is about to be called.
void FindRow(pending::FunctionRef* ref);

// Whether a call may go by what the ref says: the common case, two comparisons and a load.
bool IsUpToDate(const pending::FunctionRef* ref);

// Registers for the invalidations that make verdicts and names stale. Once in a process.
void WatchCatalogs();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_FUNCTION_REFS_H
