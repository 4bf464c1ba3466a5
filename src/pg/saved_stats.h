// The counters over a clean restart: written by the postmaster as its last act, read as its first.
#ifndef PG_HELLO_PG_SAVED_STATS_H
#define PG_HELLO_PG_SAVED_STATS_H

#include "pg/pg.h"

namespace pg_hello::pg {

// Loads what was saved, removes the file, and arranges that counters are saved at the end.
// REQUIRES: shared_stats was just made, by the postmaster or a stand-alone server.
void KeepStatsOverRestarts();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SAVED_STATS_H
