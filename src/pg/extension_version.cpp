// Reads pg_extension, which has no cache to be asked. What a transaction does to it is looked up
// just before the commit, as catalogs are out of reach afterwards, and shown when it is certain.
#include "pg/extension_version.h"

#include <cstring>

#include "pg/contained.h"
#include "pg/function_names.h"
#include "pg/pg.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace pg_hello::pg {

namespace {

// Null if the extension is not in this database.
char* ExtensionVersion() {
  char* version = nullptr;
  Relation relation = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
              CStringGetDatum("pg_hello"));
  SysScanDesc scan = systable_beginscan(relation, ExtensionNameIndexId, true, nullptr, 1, &key);
  HeapTuple tuple = systable_getnext(scan);
  if (HeapTupleIsValid(tuple)) {
    bool is_null = false;
    const Datum value =
        heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);
    version = is_null ? nullptr : TextDatumGetCString(value);
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return version;
}

object_access_hook_type previous_hook = nullptr;

// This transaction's.
bool changed = false;
shared::DatabaseName database;
shared::ExtensionVersion new_version;

void Show() {
  const TableLock lock(LW_EXCLUSIVE);
  if (new_version.version[0] != '\0') {
    shared_stats->FindOrInsertDatabase(MyDatabaseId, database);
  }
  shared_stats->ShowExtensionVersion(MyDatabaseId, new_version);
}

extern "C" {

static void ObjectAccessed(ObjectAccessType access, Oid catalog, Oid object, int sub_id,
                           void* argument) {
  if (previous_hook != nullptr) {
    previous_hook(access, catalog, object, sub_id, argument);
  }
  if (catalog == ExtensionRelationId && shared_stats != nullptr &&
      (access == OAT_POST_CREATE || access == OAT_POST_ALTER || access == OAT_DROP)) {
    changed = true;
  }
}

static void TransactionEnded(XactEvent event, void*) {
  if (!changed) {
    return;
  }
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
      changed = Contained([] {
        CommandCounterIncrement();  // the last statement's doings are not visible yet
        NameDatabase(MyDatabaseId, &database);
        new_version = ReadExtensionVersion();
      });
      break;
    case XACT_EVENT_COMMIT:
      Show();
      changed = false;
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      changed = false;
      break;
    default:
      break;
  }
}

}  // extern "C"

}  // namespace

void WatchExtensionVersion() {
  previous_hook = object_access_hook;
  object_access_hook = ObjectAccessed;
  RegisterXactCallback(TransactionEnded, nullptr);
}

shared::ExtensionVersion ReadExtensionVersion() {
  shared::ExtensionVersion version;
  const char* text = ExtensionVersion();
  NameExtensionVersion(text != nullptr ? text : "", &version);
  return version;
}

const char* DescribeVersions() {
  const char* objects = ExtensionVersion();
  if (objects == nullptr || std::strcmp(objects, PG_HELLO_VERSION) == 0) {
    return PG_HELLO_VERSION;
  }
  return psprintf("%s (version mismatch: SQL objects are %s)", PG_HELLO_VERSION, objects);
}

}  // namespace pg_hello::pg
