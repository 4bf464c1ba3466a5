// What DDL does to the table of functions: rows leave with their functions and databases, and are
// renamed with them.
#ifndef PG_HELLO_PG_CATALOG_CHANGES_H
#define PG_HELLO_PG_CATALOG_CHANGES_H

#include "pg/pg.h"

namespace pg_hello::pg {

// Watches DDL in every session, chained to whoever else does. Transactions that are prepared for
// two-phase commit and those that a standby replays have watches of their own (prepared_drops.h,
// replayed_drops.h). REQUIRES: the library is being loaded by the postmaster.
void WatchCatalogChanges();

// Takes the function's row away, if it has one. REQUIRES: shared_stats; every other backend has
// been sent the news of the drop, or it would make the row anew by what its caches say.
void RemoveFunctionRow(Oid database, Oid function);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_CATALOG_CHANGES_H
