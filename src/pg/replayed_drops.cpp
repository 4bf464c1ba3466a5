// On a standby no session runs the DROP, and no hook is called when it is replayed. But the record
// of its commit lists the functions that it has dropped, for the server's own statistics (since
// PostgreSQL 15), and the process that replays it has our code and our memory. So the two record
// types' replay functions are wrapped: the server's goes first and does what it does, and then the
// rows go.
//
// Runs in the startup process, whose failure is the server's: nothing here allocates or raises.
#include "pg/replayed_drops.h"

#include "pg/catalog_changes.h"
#include "pg/compat.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlog_internal.h"
#include "access/xlogreader.h"
#include "commands/dbcommands_xlog.h"
#include "pgstat.h"
}

namespace pg_hello::pg {

namespace {

using Replay = void (*)(XLogReaderState*);
Replay replay_transaction = nullptr;
Replay replay_database = nullptr;

// A server that starts after a crash replays, too; then there is nothing to take away.
bool HaveRows() { return shared_stats != nullptr && shared_stats->live_rows() > 0; }

extern "C" {

static void TransactionReplayed(XLogReaderState* record) {
  replay_transaction(record);
  const auto info = static_cast<uint8>(XLogRecGetInfo(record));
  const auto operation = static_cast<uint8>(info & XLOG_XACT_OPMASK);
  if (!HaveRows() || (operation != XLOG_XACT_COMMIT && operation != XLOG_XACT_COMMIT_PREPARED)) {
    return;
  }
  xl_xact_parsed_commit commit;
  ParseCommitRecord(info, reinterpret_cast<xl_xact_commit*>(XLogRecGetData(record)), &commit);
  for (int i = 0; i < commit.nstats; ++i) {
    const xl_xact_stats_item& gone = commit.stats[i];
    if (gone.kind == PGSTAT_KIND_FUNCTION) {
      RemoveFunctionRow(gone.dboid, StatsItemObject(gone));
    }
  }
}

static void DatabaseReplayed(XLogReaderState* record) {
  replay_database(record);
  if (HaveRows() && (XLogRecGetInfo(record) & ~XLR_INFO_MASK) == XLOG_DBASE_DROP) {
    const TableLock lock(LW_EXCLUSIVE);
    shared_stats->RemoveDatabase(
        reinterpret_cast<xl_dbase_drop_rec*>(XLogRecGetData(record))->db_id);
  }
}

}  // extern "C"

}  // namespace

void WatchReplay() {
  replay_transaction = RmgrTable[RM_XACT_ID].rm_redo;
  RmgrTable[RM_XACT_ID].rm_redo = TransactionReplayed;
  replay_database = RmgrTable[RM_DBASE_ID].rm_redo;
  RmgrTable[RM_DBASE_ID].rm_redo = DatabaseReplayed;
}

}  // namespace pg_hello::pg
