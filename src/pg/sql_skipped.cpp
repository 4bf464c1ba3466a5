// pg_hello_skipped: the current database's functions by the rules that the hooks go by.
#include "pg/function_names.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg/shared_memory.h"
#include "pg/tracking_rules.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_proc.h"
#include "funcapi.h"
}

namespace pg_hello::pg {

namespace {

bool HasNoRoom(const shared::FunctionKey& key) {
  const TableLock lock(LW_SHARED);
  return shared_stats->Find(key) == nullptr &&
         shared_stats->live_rows() == shared_stats->dimensions().max_functions;
}

// Null if the function is tracked, or is none that users would look for.
const char* ReasonFor(Rule rule, const NamedFunction& named) {
  switch (rule) {
    case Rule::kTracked:
      return HasNoRoom(named.key) ? "table full" : nullptr;
    case Rule::kSetting:
      return "setting";
    case Rule::kInlinable:
      return "inlinable";
    case Rule::kConversion:
      return "encoding conversion";
    case Rule::kAggregate:
      return "aggregate";
    case Rule::kHandler:
      return "language handler";
    case Rule::kBuiltIn:
      return nullptr;
  }
  return nullptr;
}

void PutIfSkipped(HeapTuple procedure, ReturnSetInfo* result) {
  const Rule rule = RuleFor(procedure);
  if (rule == Rule::kBuiltIn) {
    return;
  }
  NamedFunction named;
  NameFunction(procedure, &named);
  const char* reason = ReasonFor(rule, named);
  if (reason == nullptr) {
    return;
  }
  ResultRow row;
  row.AddOid(reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure))->oid);
  row.AddText(named.identity.schema);
  row.AddText(named.identity.function);
  row.AddText(named.identity.language);
  row.AddTextOrNull(named.identity.extension);
  row.AddText(reason);
  row.PutInto(result);
}

}  // namespace

}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_skipped_rows);

PGDLLEXPORT Datum pg_hello_skipped_rows(PG_FUNCTION_ARGS);

Datum pg_hello_skipped_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  RequireSharedMemory();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  Relation procedures = table_open(ProcedureRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(procedures, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple procedure = systable_getnext(scan); HeapTupleIsValid(procedure);
       procedure = systable_getnext(scan)) {
    CHECK_FOR_INTERRUPTS();
    PutIfSkipped(procedure, result);
  }
  systable_endscan(scan);
  table_close(procedures, AccessShareLock);
  PG_RETURN_NULL();
}

}  // extern "C"
#pragma GCC visibility pop
