// The objectives as the worker counts them.
#include <optional>

#include "pg/owned_snapshot.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg_hello/objectives/burn_rate.h"

extern "C" {
#include "funcapi.h"
}

namespace pg_hello::pg {
namespace {

void AddDoubleIf(ResultRow& row, std::optional<double> value) {
  if (value) {
    row.AddDouble(*value);
  } else {
    row.AddNull();
  }
}

}  // namespace
}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_slo_rows);
PGDLLEXPORT Datum pg_hello_slo_rows(PG_FUNCTION_ARGS);

Datum pg_hello_slo_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  using namespace pg_hello;
  const snapshot::Snapshot* taken = TakeOwnedSummary();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const shared::SloRecord& slo : taken->slos) {
    ResultRow row;
    row.AddText(slo.name);
    row.AddText(slo.functions);
    row.AddDouble(static_cast<double>(slo.objective_ppb) / 1e9);
    row.AddMillisecondsIf(slo.threshold_ns != 0, static_cast<double>(slo.threshold_ns));
    row.AddTimestamp(slo.since_us);
    row.AddBigInteger(slo.total.all);
    row.AddBigInteger(slo.total.bad);
    AddDoubleIf(row, objectives::BudgetLeft(slo));
    for (const measure::Window& window : {slo.last_5_minutes, slo.last_hour}) {
      row.AddBigInteger(window.events.all);
      row.AddBigInteger(window.events.bad);
      AddDoubleIf(row, objectives::BurnRate(window.events, slo.objective_ppb));
    }
    row.AddText(objectives::BurnsFast(slo) ? "warn" : "pass");
    row.PutInto(result);
  }
  PG_RETURN_NULL();
}

}  // extern "C"
#pragma GCC visibility pop
