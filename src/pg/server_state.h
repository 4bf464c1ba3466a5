// What the server knows of itself, for a snapshot.
#ifndef PG_HELLO_PG_SERVER_STATE_H
#define PG_HELLO_PG_SERVER_STATE_H

#include "pg/pg.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::pg {

// In plain memory, so that it can be read where errors may be raised and C++ values may not live.
struct ServerFacts {
  const char* postgres_version;
  char postmaster_status[16];
  bool in_recovery;
};

// Any process attached to shared memory. Raises no error.
ServerFacts ReadServerFacts();

// A picture of everything, now. May throw std::bad_alloc. REQUIRES: shared_stats.
snapshot::Snapshot TakeSnapshot(const ServerFacts& facts);
// The same into an earlier one; see snapshot::TakeInto.
void TakeSnapshotInto(snapshot::Snapshot& snapshot, const ServerFacts& facts,
                      snapshot::Detail detail);
// The same without functions.
snapshot::Snapshot TakeSummary(const ServerFacts& facts);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SERVER_STATE_H
