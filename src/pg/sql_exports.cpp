// What /metrics shows, what it leaves out and why, by the settings of now.
#include <cstddef>

#include "pg/guarded.h"
#include "pg/owned_snapshot.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg/settings.h"
#include "pg_hello/selection/admission.h"

extern "C" {
#include "funcapi.h"
}

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_exports_rows);
PGDLLEXPORT Datum pg_hello_exports_rows(PG_FUNCTION_ARGS);

Datum pg_hello_exports_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  using namespace pg_hello;
  const snapshot::Snapshot* taken = TakeOwnedSnapshot();
  const auto* admission = MakeOwned<selection::Admission>(
      [taken] { return selection::Admit(*taken, MetricsBudget()); });
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (std::size_t i = 0; i < taken->functions.size(); ++i) {
    CHECK_FOR_INTERRUPTS();
    const snapshot::FunctionStats& function = taken->functions[i];
    const selection::Admitted& admitted = admission->functions[i];
    ResultRow row;
    row.AddOid(function.key.dbid);
    row.AddText(taken->databases[function.database].datname.c_str());
    row.AddOid(function.key.funcid);
    row.AddText(function.identity.schema);
    row.AddText(function.identity.function);
    row.AddBoolean(admitted.exported());
    row.AddBoolean(admitted.histogram);
    row.AddText(selection::ToString(admitted.reason));
    row.AddBigInteger(i + 1);
    row.PutInto(result);
  }
  PG_RETURN_NULL();
}

}  // extern "C"
#pragma GCC visibility pop
