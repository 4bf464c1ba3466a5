// What a commit makes is looked up just before it, as catalogs are out of reach afterwards, and put
// into shared memory when it is certain. What a database has is looked up in passing, by a
// statement that has just been analyzed: once, as the database's row says for which settings it was
// done.
#include "pg/early_rows.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "pg/call_path.h"
#include "pg/contained.h"
#include "pg/extension_version.h"
#include "pg/function_names.h"
#include "pg/function_refs.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg/tracking_rules.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "parser/analyze.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

namespace {

object_access_hook_type previous_access_hook = nullptr;
post_parse_analyze_hook_type previous_analyze_hook = nullptr;

// call_path.generation for which this session has seen to the database.
std::uint32_t seen_to = 0;

// This transaction's, in its own memory context; gone with it. First the functions that it made,
// then, when it is about to commit, the rows that they are to have.
struct Made {
  Oid* functions;
  Size used;
  Size room;
  NamedFunction* rows;
  Size row_count;
  shared::DatabaseName database;
};
Made made;

// Null if there is no memory for it: telemetry fails nobody's statement.
const selection::PatternList* PinnedOrNull() noexcept {
  try {
    return &PinnedPatterns();
  } catch (const std::exception&) {
    CountInternalError(ERRCODE_OUT_OF_MEMORY);
    return nullptr;
  }
}

// Whether the function is to have a row without being called, and which. REQUIRES: a transaction.
bool WantsRow(Oid function, const shared::DatabaseName& database,
              const selection::PatternList& pinned, NamedFunction* named) {
  if (!WantsTracking(function)) {
    return false;
  }
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(procedure)) {
    return false;
  }
  NameFunction(procedure, named);
  ReleaseSysCache(procedure);
  const shared::FunctionIdentity& identity = named->identity;
  const bool temporary = named->key.funcid == 0;
  return !temporary && (std::strcmp(identity.extension, "pg_hello") == 0 ||
                        pinned.Matches({database.datname, identity.schema, identity.function}));
}

// --- what a commit makes -------------------------------------------------------------------------

template <typename T>
T* AllocateOrNull(Size count) {
  return static_cast<T*>(MemoryContextAllocExtended(TopTransactionContext, count * sizeof(T),
                                                    MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
}

void Remember(Oid function) {
  if (made.used == made.room) {
    const Size room = made.room == 0 ? 64 : made.room * 2;
    Oid* grown = AllocateOrNull<Oid>(room);
    if (grown == nullptr) {
      CountInternalError(ERRCODE_OUT_OF_MEMORY);
      return;
    }
    std::copy(made.functions, made.functions + made.used, grown);
    made.functions = grown;
    made.room = room;
  }
  made.functions[made.used++] = function;
}

void LookUpMade() {
  const selection::PatternList* pinned = PinnedOrNull();
  made.rows = pinned != nullptr ? AllocateOrNull<NamedFunction>(made.used) : nullptr;
  if (made.rows == nullptr) {
    if (pinned != nullptr) {
      CountInternalError(ERRCODE_OUT_OF_MEMORY);
    }
    return;
  }
  CommandCounterIncrement();  // the last statement's doings are not visible yet
  NameDatabase(MyDatabaseId, &made.database);
  for (Size i = 0; i < made.used; ++i) {
    if (WantsRow(made.functions[i], made.database, *pinned, &made.rows[made.row_count])) {
      ++made.row_count;
    }
  }
}

void InsertMade() {
  const TableLock lock(LW_EXCLUSIVE);
  const std::int64_t now_us = UnixTimeUs();
  shared_stats->FindOrInsertDatabase(MyDatabaseId, made.database);
  for (Size i = 0; i < made.row_count; ++i) {
    shared_stats->FindOrInsert(made.rows[i].key, made.rows[i].identity, now_us);
  }
}

// --- what a database has -------------------------------------------------------------------------

void InsertIfWanted(Oid function, const shared::DatabaseName& database,
                    const selection::PatternList& pinned) {
  NamedFunction named;
  if (WantsRow(function, database, pinned, &named)) {
    const TableLock lock(LW_EXCLUSIVE);
    shared_stats->FindOrInsert(named.key, named.identity, UnixTimeUs());
  }
}

void InsertOwn(Oid extension, const shared::DatabaseName& database,
               const selection::PatternList& pinned) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(ExtensionRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(extension));
  Relation depend = table_open(DependRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (form->classid == ProcedureRelationId && form->deptype == DEPENDENCY_EXTENSION) {
      InsertIfWanted(form->objid, database, pinned);
    }
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
}

void InsertPinned(const shared::DatabaseName& database, const selection::PatternList& pinned) {
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_proc_oid, BTGreaterEqualStrategyNumber, F_OIDGE,
              ObjectIdGetDatum(kFirstUserFunction));
  Relation procedures = table_open(ProcedureRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(procedures, ProcedureOidIndexId, true, nullptr, 1, &key);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    InsertIfWanted(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->oid, database, pinned);
  }
  systable_endscan(scan);
  table_close(procedures, AccessShareLock);
}

// The settings that decide which rows there are, as one number that is not 0: the patterns, and in
// the last two bits how much is tracked.
std::uint64_t PresentSettings() {
  const auto* text = reinterpret_cast<const unsigned char*>(settings.metrics_pinned);
  const int length = static_cast<int>(std::strlen(settings.metrics_pinned));
  return (hash_bytes_extended(text, length, 0) & ~std::uint64_t{3}) |
         static_cast<std::uint64_t>(settings.track);
}

// Sessions may track more or less than others: whoever tracks more has made the rows of all.
bool Covers(std::uint64_t done, std::uint64_t wanted) {
  return (done & ~std::uint64_t{3}) == (wanted & ~std::uint64_t{3}) && done >= wanted;
}

void SeeToDatabase() {
  const std::uint64_t wanted = PresentSettings();
  {
    const TableLock lock(LW_SHARED);
    const shared::DatabaseRow* row = shared_stats->FindDatabase(MyDatabaseId);
    if (row != nullptr && Covers(row->early_rows.load(std::memory_order_relaxed), wanted)) {
      return;
    }
  }
  const Oid extension = get_extension_oid("pg_hello", true);
  const selection::PatternList* pinned = PinnedOrNull();
  if (pinned == nullptr || (!OidIsValid(extension) && pinned->patterns.empty())) {
    return;
  }
  shared::DatabaseName database;
  NameDatabase(MyDatabaseId, &database);
  if (OidIsValid(extension)) {
    InsertOwn(extension, database, *pinned);
  }
  if (!pinned->patterns.empty()) {
    InsertPinned(database, *pinned);
  }
  const shared::ExtensionVersion version = ReadExtensionVersion();
  const TableLock lock(LW_EXCLUSIVE);
  shared_stats->FindOrInsertDatabase(MyDatabaseId, database)
      ->early_rows.store(wanted, std::memory_order_relaxed);
  shared_stats->ShowExtensionVersion(MyDatabaseId, version);
}

// --- hooks ---------------------------------------------------------------------------------------

extern "C" {

static void ObjectAccessed(ObjectAccessType access, Oid catalog, Oid object, int sub_id,
                           void* argument) {
  if (previous_access_hook != nullptr) {
    previous_access_hook(access, catalog, object, sub_id, argument);
  }
  if ((access == OAT_POST_CREATE || access == OAT_POST_ALTER) && catalog == ProcedureRelationId &&
      shared_stats != nullptr && settings.track != kTrackNone && IsTransactionState() &&
      (creating_extension || settings.metrics_pinned[0] != '\0')) {
    Remember(object);
  }
}

static void TransactionEnded(XactEvent event, void*) {
  if (made.used == 0 || event == XACT_EVENT_PARALLEL_PRE_COMMIT ||
      event == XACT_EVENT_PRE_PREPARE) {
    return;
  }
  if (event == XACT_EVENT_PRE_COMMIT) {
    Contained(LookUpMade);
    return;
  }
  if (event == XACT_EVENT_COMMIT && made.row_count > 0) {
    InsertMade();
  }
  made = Made{};
}

static void StatementAnalyzed(ParseState* state, Query* query, JumbleState* jumble) {
  if (previous_analyze_hook != nullptr) {
    previous_analyze_hook(state, query, jumble);
  }
  if (seen_to != call_path.generation && shared_stats != nullptr && OidIsValid(MyDatabaseId) &&
      IsTransactionState()) [[unlikely]] {
    seen_to = call_path.generation;
    if (settings.track != kTrackNone) {
      Contained(SeeToDatabase);
    }
  }
}

}  // extern "C"

}  // namespace

void InstallEarlyRowsHooks() {
  previous_access_hook = object_access_hook;
  object_access_hook = ObjectAccessed;
  previous_analyze_hook = post_parse_analyze_hook;
  post_parse_analyze_hook = StatementAnalyzed;
  RegisterXactCallback(TransactionEnded, nullptr);
}

}  // namespace pg_hello::pg
