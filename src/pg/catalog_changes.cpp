// A change is announced when it is done, and may still be rolled back; so it is remembered with the
// nesting level of its transaction, and its consequence comes when the fate of that is known:
//
//   created   its row goes if the transaction is rolled back: nobody else can have called it
//   altered   names are looked up before the commit, while that can be done, and shown after it
//   dropped   its row goes after the commit
#include "pg/catalog_changes.h"

#include "pg/contained.h"
#include "pg/function_names.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

namespace {

object_access_hook_type previous_hook = nullptr;

enum class Kind : std::uint8_t { kCreated, kAltered, kDropped };

struct Change {
  Oid catalog;
  Oid object;
  int level;  // of the (sub)transaction
  Kind kind;
};

// An array of this transaction's, in its memory; gone with it.
template <typename T>
struct Batch {
  T* base;
  Size used;
  Size room;

  // Null without memory: telemetry must not fail a DROP.
  T* Add() {
    if (used == room) {
      const Size grown_room = room == 0 ? 16 : room * 2;
      auto* grown = static_cast<T*>(MemoryContextAllocExtended(
          TopTransactionContext, grown_room * sizeof(T), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
      if (grown == nullptr) {
        CountInternalError(ERRCODE_OUT_OF_MEMORY);
        return nullptr;
      }
      for (Size i = 0; i < used; ++i) {
        grown[i] = base[i];  // NOLINT: none is used without a base
      }
      base = grown;
      room = grown_room;
    }
    return &base[used++];
  }
};

struct NamedDatabase {
  Oid dbid;
  shared::DatabaseName name;
};

Batch<Change> changes;
Batch<NamedFunction> new_function_names;
Batch<NamedDatabase> new_database_names;
bool committed = false;

void Remember(Kind kind, Oid catalog, Oid object) {
  if (Change* change = changes.Add()) {
    *change = {catalog, object, GetCurrentTransactionNestLevel(), kind};
  }
}

void Forget() {
  changes = {};
  new_function_names = {};
  new_database_names = {};
  committed = false;
}

// --- new names, before the commit ---------------------------------------------------------------

bool HasRow(const shared::FunctionKey& key) {
  const TableLock lock(LW_SHARED);
  return shared_stats->Find(key) != nullptr;
}

// `schema`: only if it is in that one; InvalidOid: wherever it is.
void NameAnew(Oid function, Oid schema) {
  if (!HasRow({MyDatabaseId, function, 0})) {
    return;
  }
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(procedure)) {
    return;
  }
  const Oid its_schema = reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure))->pronamespace;
  if (!OidIsValid(schema) || schema == its_schema) {
    if (NamedFunction* named = new_function_names.Add()) {
      NameFunction(procedure, named);
    }
  }
  ReleaseSysCache(procedure);
}

void NameAllAnew(Oid schema) {
  for (std::uint32_t i = 0; i < shared_stats->rows_end(); ++i) {
    const shared::FunctionKey key = shared_stats->row(i).Key();
    if (key.dbid == MyDatabaseId && OidIsValid(key.funcid)) {
      NameAnew(key.funcid, schema);
    }
  }
}

void LookUpNewNames() {
  for (Size i = 0; i < changes.used; ++i) {
    const Change& change = changes.base[i];
    if (change.kind != Kind::kAltered) {
      continue;
    }
    if (change.catalog == ProcedureRelationId) {
      NameAnew(change.object, InvalidOid);
    } else if (change.catalog == NamespaceRelationId) {
      NameAllAnew(change.object);
    } else if (change.catalog == ExtensionRelationId) {
      NameAllAnew(InvalidOid);  // functions may have become its members, or none any more
    } else if (NamedDatabase* named = new_database_names.Add()) {
      named->dbid = change.object;
      NameDatabase(change.object, &named->name);
    }
  }
}

// --- after the end ------------------------------------------------------------------------------

void ShowNewNames() {
  if (new_function_names.used == 0 && new_database_names.used == 0) {
    return;
  }
  const TableLock lock(LW_EXCLUSIVE);
  for (Size i = 0; i < new_function_names.used; ++i) {
    const NamedFunction& named = new_function_names.base[i];
    if (shared_stats->Find(named.key) != nullptr) {
      shared_stats->FindOrInsert(named.key, named.identity, 0);
    }
  }
  for (Size i = 0; i < new_database_names.used; ++i) {
    const NamedDatabase& named = new_database_names.base[i];
    if (shared_stats->FindDatabase(named.dbid) != nullptr) {
      shared_stats->FindOrInsertDatabase(named.dbid, named.name);
    }
  }
}

void RemoveRowOf(const Change& change) {
  if (change.catalog == DatabaseRelationId) {
    const TableLock lock(LW_EXCLUSIVE);
    shared_stats->RemoveDatabase(change.object);
  } else {
    RemoveFunctionRow(MyDatabaseId, change.object);
  }
}

void RemoveRowsOf(Kind kind) {
  for (Size i = 0; i < changes.used; ++i) {
    if (changes.base[i].kind == kind) {
      RemoveRowOf(changes.base[i]);
    }
  }
}

extern "C" {

static void ObjectAccessed(ObjectAccessType access, Oid catalog, Oid object, int sub_id,
                           void* argument) {
  if (previous_hook != nullptr) {
    previous_hook(access, catalog, object, sub_id, argument);
  }
  if (shared_stats == nullptr || !IsTransactionState()) {
    return;
  }
  const bool function = catalog == ProcedureRelationId;
  if (access == OAT_DROP && (function || catalog == DatabaseRelationId)) {
    Remember(Kind::kDropped, catalog, object);
  } else if (access == OAT_POST_ALTER &&
             (function || catalog == NamespaceRelationId || catalog == ExtensionRelationId ||
              catalog == DatabaseRelationId)) {
    Remember(Kind::kAltered, catalog, object);
  } else if (access == OAT_POST_CREATE && function) {
    // A new function cannot be seen yet; one that has been replaced can, as it was.
    bool replaced = true;
    Contained([&replaced, object] {
      replaced = SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(object));
    });
    Remember(replaced ? Kind::kAltered : Kind::kCreated, catalog, object);
  }
}

static void TransactionEnded(XactEvent event, void*) {
  // All may have been undone; then the array is empty, and yet must not outlive its memory.
  if (changes.base == nullptr) {
    return;
  }
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      Contained(LookUpNewNames);
      break;
    case XACT_EVENT_COMMIT:
      committed = true;
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      // Prepared, a new function belongs to nobody, maybe for ever.
      RemoveRowsOf(Kind::kCreated);
      Forget();
      break;
    default:
      break;
  }
}

// The first moment at which all backends have been sent the news of this transaction.
static void ResourcesReleased(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
                              void*) {
  if (committed && phase == RESOURCE_RELEASE_AFTER_LOCKS && is_commit && is_top_level) {
    ShowNewNames();
    RemoveRowsOf(Kind::kDropped);
    Forget();
  }
}

static void SubtransactionEnded(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  const int level = GetCurrentTransactionNestLevel();
  if (event == SUBXACT_EVENT_COMMIT_SUB) {
    for (Size i = 0; i < changes.used; ++i) {
      changes.base[i].level = Min(changes.base[i].level, level - 1);
    }
  } else if (event == SUBXACT_EVENT_ABORT_SUB) {
    while (changes.used > 0 && changes.base[changes.used - 1].level >= level) {
      const Change& undone = changes.base[--changes.used];
      if (undone.kind == Kind::kCreated) {
        RemoveRowOf(undone);
      }
    }
  }
}

}  // extern "C"

}  // namespace

void RemoveFunctionRow(Oid database, Oid function) {
  const TableLock lock(LW_EXCLUSIVE);
  if (shared::FunctionRow* row = shared_stats->Find({database, function, 0})) {
    shared_stats->Remove(*row);
  }
}

void WatchCatalogChanges() {
  previous_hook = object_access_hook;
  object_access_hook = ObjectAccessed;
  RegisterXactCallback(TransactionEnded, nullptr);
  RegisterSubXactCallback(SubtransactionEnded, nullptr);
  RegisterResourceReleaseCallback(ResourcesReleased, nullptr);
}

}  // namespace pg_hello::pg
