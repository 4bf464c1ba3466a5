// A drop is announced when it is done, and may still be rolled back; so it is remembered with the
// nesting level of its transaction and carried out when that commits.
#include "pg/drops.h"

#include "pg/pg.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "utils/memutils.h"
}

namespace pg_hello::pg {

namespace {

object_access_hook_type previous_hook = nullptr;

struct Drop {
  Oid catalog;  // pg_proc or pg_database
  Oid object;
  int level;  // of the (sub)transaction
};

// This transaction's, in its own memory context; gone with it.
struct Drops {
  Drop* base;
  Size used;
  Size room;
};
Drops drops;

// Telemetry must not fail a DROP: without memory, the row stays.
void Remember(Oid catalog, Oid object) {
  if (drops.used == drops.room) {
    const Size room = drops.room == 0 ? 16 : drops.room * 2;
    auto* grown = static_cast<Drop*>(MemoryContextAllocExtended(
        TopTransactionContext, room * sizeof(Drop), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
    if (grown == nullptr) {
      return;
    }
    for (Size i = 0; i < drops.used; ++i) {
      grown[i] = drops.base[i];
    }
    drops.base = grown;
    drops.room = room;
  }
  drops.base[drops.used++] = {catalog, object, GetCurrentTransactionNestLevel()};
}

void CarryOut(const Drop& drop) {
  const TableLock lock(LW_EXCLUSIVE);
  if (drop.catalog == DatabaseRelationId) {
    shared_stats->RemoveDatabase(drop.object);
  } else if (shared::FunctionRow* row = shared_stats->Find({MyDatabaseId, drop.object, 0})) {
    shared_stats->Remove(*row);
  }
}

extern "C" {

static void ObjectAccessed(ObjectAccessType access, Oid catalog, Oid object, int sub_id,
                           void* argument) {
  if (previous_hook != nullptr) {
    previous_hook(access, catalog, object, sub_id, argument);
  }
  if (access == OAT_DROP && (catalog == ProcedureRelationId || catalog == DatabaseRelationId) &&
      shared_stats != nullptr && IsTransactionState()) {
    Remember(catalog, object);
  }
}

static void TransactionEnded(XactEvent event, void*) {
  if (drops.used == 0 || event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE ||
      event == XACT_EVENT_PARALLEL_PRE_COMMIT) {
    return;
  }
  if (event == XACT_EVENT_COMMIT) {
    for (Size i = 0; i < drops.used; ++i) {
      CarryOut(drops.base[i]);
    }
  }
  drops = Drops{};
}

static void SubtransactionEnded(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  const int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_COMMIT_SUB) {
    for (Size i = 0; i < drops.used; ++i) {
      drops.base[i].level = Min(drops.base[i].level, level - 1);
    }
  } else if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (drops.used > 0 && drops.base[drops.used - 1].level >= level) {
      --drops.used;
    }
  }
}

}  // extern "C"

}  // namespace

void InstallDropHooks() {
  previous_hook = object_access_hook;
  object_access_hook = ObjectAccessed;
  RegisterXactCallback(TransactionEnded, nullptr);
  RegisterSubXactCallback(SubtransactionEnded, nullptr);
}

}  // namespace pg_hello::pg
