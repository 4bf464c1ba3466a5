// A snapshot for the SQL functions, which may raise errors while they read it.
#ifndef PG_HELLO_PG_OWNED_SNAPSHOT_H
#define PG_HELLO_PG_OWNED_SNAPSHOT_H

#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::pg {

// Everything, now; lives as long as the current memory context. Raises an error if the library was
// not loaded through shared_preload_libraries.
const snapshot::Snapshot* TakeOwnedSnapshot();

// The same without functions.
const snapshot::Snapshot* TakeOwnedSummary();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_OWNED_SNAPSHOT_H
