// Kept apart because several files of SQL functions need it.
#include "pg/owned_snapshot.h"

#include "pg/guarded.h"
#include "pg/pg.h"
#include "pg/server_state.h"
#include "pg/shared_memory.h"

namespace pg_hello::pg {

const snapshot::Snapshot* TakeOwnedSnapshot() {
  RequireSharedMemory();
  const ServerFacts facts = ReadServerFacts();
  return MakeOwned<snapshot::Snapshot>([&facts] { return TakeSnapshot(facts); });
}

const snapshot::Snapshot* TakeOwnedSummary() {
  RequireSharedMemory();
  const ServerFacts facts = ReadServerFacts();
  return MakeOwned<snapshot::Snapshot>([&facts] { return TakeSummary(facts); });
}

}  // namespace pg_hello::pg
