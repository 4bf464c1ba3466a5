// This backend's table of functions: oid -> FunctionRef, and the verdict whether it is tracked.
#ifndef PG_HELLO_PG_FUNCTION_REFS_H
#define PG_HELLO_PG_FUNCTION_REFS_H

#include <cstdint>

#include "pg/pg.h"
#include "pg_hello/pending/function_ref.h"

namespace pg_hello::pg {

// Functions that one backend can know at a time.
std::uint32_t RefCapacity();
// Places in its index when it knows so many; it begins with 64.
std::uint32_t IndexCapacity();

// The ref of a function, made if there is none. Null if there is no room for it. REQUIRES: a
// transaction.
pending::FunctionRef* FindOrMakeRef(Oid function);

// Whether the function is to be hooked, found out anew. For functions without a ref. REQUIRES: a
// transaction.
bool WantsTracking(Oid function);

// Whether the function is to be hooked, by the settings and catalogs of now; gives the verdict if
// that has not been done. REQUIRES: a transaction.
bool IsTracked(pending::FunctionRef* ref);

// What is known of the function is to be asked for anew; null: of none.
void DistrustRef(pending::FunctionRef* ref);

// Whether PrepareRef() has nothing to do, which costs no look-up.
bool IsPrepared(const pending::FunctionRef* ref);

// Brings a ref up to date whose function is about to be called: verdict and, if it is tracked, row.
// REQUIRES: a transaction.
void PrepareRef(pending::FunctionRef* ref);

// Registers for the invalidations that make verdicts and names stale. Once in a process.
void WatchCatalogs();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_FUNCTION_REFS_H
