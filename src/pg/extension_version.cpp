// Reads pg_extension, which has no cache to be asked.
#include "pg/extension_version.h"

#include <cstring>

#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
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

}  // namespace

const char* DescribeVersions() {
  const char* objects = ExtensionVersion();
  if (objects == nullptr || std::strcmp(objects, PG_HELLO_VERSION) == 0) {
    return PG_HELLO_VERSION;
  }
  return psprintf("%s (version mismatch: SQL objects are %s)", PG_HELLO_VERSION, objects);
}

}  // namespace pg_hello::pg
