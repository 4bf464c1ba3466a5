// Between PREPARE TRANSACTION and COMMIT PREPARED may lie another backend and a restart, so what
// the transaction has dropped is not remembered. COMMIT PREPARED sends all backends, this one too,
// the news of the functions that have changed, by their hash in the system cache; rows with such a
// hash are looked up again. It can only be said in the database in which the transaction ran.
#include "pg/prepared_drops.h"

#include "pg/catalog_changes.h"
#include "pg/compat.h"
#include "pg/contained.h"
#include "pg/shared_memory.h"

extern "C" {
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

namespace {

ProcessUtility_hook_type previous_hook = nullptr;

// What has been heard during COMMIT PREPARED.
struct News {
  static constexpr int kRoom = 32;
  uint32 hashes[kRoom];
  int used;
  bool all;  // too much to keep apart

  bool Concern(uint32 hash) const {
    bool found = all;
    for (int i = 0; i < used && !found; ++i) {
      found = hashes[i] == hash;
    }
    return found;
  }
};
News news;
bool listening = false;
bool registered = false;

void RemoveRowsOfGoneFunctions() {
  for (std::uint32_t i = 0; i < shared_stats->rows_end(); ++i) {
    shared::FunctionRow& row = shared_stats->row(i);
    const shared::FunctionKey key = row.Key();
    if (row.live.load(std::memory_order_acquire) != 0 && key.dbid == MyDatabaseId &&
        OidIsValid(key.funcid) &&
        news.Concern(GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(key.funcid))) &&
        !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(key.funcid))) {
      RemoveFunctionRow(key.dbid, key.funcid);
    }
  }
}

extern "C" {

static void ProcedureChanged(Datum, int, uint32 hash) {
  if (!listening) {
    return;
  }
  if (hash == 0 || news.used == News::kRoom) {
    news.all = true;
  } else {
    news.hashes[news.used++] = hash;
  }
}

static void RunUtility(PlannedStmt* statement, const char* query, bool read_only_tree,
                       ProcessUtilityContext context, ParamListInfo parameters,
                       QueryEnvironment* environment, DestReceiver* receiver,
                       QueryCompletion* completion) {
  auto* transaction = reinterpret_cast<TransactionStmt*>(statement->utilityStmt);
  const bool watched = shared_stats != nullptr && IsA(transaction, TransactionStmt) &&
                       transaction->kind == TRANS_STMT_COMMIT_PREPARED;
  if (watched) {
    if (!registered) {
      CacheRegisterSyscacheCallback(PROCOID, ProcedureChanged, Datum{0});
      registered = true;
    }
    news = News{};
    listening = true;
  }
  (previous_hook != nullptr ? previous_hook : standard_ProcessUtility)(
      statement, query, read_only_tree, context, parameters, environment, receiver, completion);
  if (watched) {
    Contained([] {
      AcceptInvalidationMessages();
      if (news.used > 0 || news.all) {
        RemoveRowsOfGoneFunctions();
      }
    });
    listening = false;
  }
}

}  // extern "C"

}  // namespace

void WatchPreparedTransactions() {
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = RunUtility;
}

}  // namespace pg_hello::pg
