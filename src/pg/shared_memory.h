// The block of shared memory and its lock, in the life of the server.
#ifndef PG_HELLO_PG_SHARED_MEMORY_H
#define PG_HELLO_PG_SHARED_MEMORY_H

#include "pg/pg.h"
#include "pg_hello/shared/shared_stats.h"

extern "C" {
#include "storage/lwlock.h"
}

namespace pg_hello::pg {

// Null if the library was not loaded through shared_preload_libraries.
extern shared::SharedStats* shared_stats;

// Raises an error that says so if there is none. For SQL functions.
void RequireSharedMemory();

// Asks for the memory when the server starts, chained to whoever else does. REQUIRES: the library
// is being loaded by the postmaster.
void InstallSharedMemoryHooks();

// The table lock that shared/shared_stats.h speaks of. Held for a few instructions, and over
// nothing that can fail.
class TableLock {
 public:
  explicit TableLock(LWLockMode mode);
  ~TableLock();
  TableLock(const TableLock&) = delete;
  TableLock& operator=(const TableLock&) = delete;
};

// Wall clock, microseconds since the Unix epoch.
std::int64_t UnixTimeUs();
// The same moment as PostgreSQL counts it.
std::int64_t ToTimestampTz(std::int64_t unix_us);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SHARED_MEMORY_H
