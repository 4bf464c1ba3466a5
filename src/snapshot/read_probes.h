// Kept apart from the counters: what probes have found has no calls and no functions in it.
#ifndef PG_HELLO_SNAPSHOT_READ_PROBES_H
#define PG_HELLO_SNAPSHOT_READ_PROBES_H

#include "pg_hello/shared/probe_board.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::snapshot {

// REQUIRES: the snapshot's databases have been read. Throws std::bad_alloc only.
void ReadProbes(const shared::ProbeBoard& board, Snapshot& snapshot);

}  // namespace pg_hello::snapshot

#endif  // PG_HELLO_SNAPSHOT_READ_PROBES_H
