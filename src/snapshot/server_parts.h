// What a snapshot has beside the functions and their calls.
#ifndef PG_HELLO_SNAPSHOT_SERVER_PARTS_H
#define PG_HELLO_SNAPSHOT_SERVER_PARTS_H

#include <cstdint>

#include "pg_hello/shared/slo_board.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::snapshot {

// A snapshot with the block's own numbers and nothing else. May throw std::bad_alloc.
Snapshot Begin(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server);

// Fills in the databases, and of which of them each function is. May throw std::bad_alloc.
void ReadDatabases(shared::SharedStats& stats, Snapshot& snapshot);

// Fills in the objectives. May throw std::bad_alloc.
void ReadSlos(const shared::SloState& state, Snapshot& snapshot);

// May throw std::bad_alloc.
void ReadWorker(const shared::WorkerStatus& status, WorkerStats& worker);

}  // namespace pg_hello::snapshot

#endif  // PG_HELLO_SNAPSHOT_SERVER_PARTS_H
