// The numbers in SQL. Rows are made from the same snapshot that /metrics is.
#include <string>

#include "pg/extension_version.h"
#include "pg/guarded.h"
#include "pg/owned_snapshot.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg_hello/exposition/metrics_query.h"
#include "pg_hello/exposition/text_format.h"
#include "pg_hello/snapshot/snapshot.h"

extern "C" {
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace pg_hello::pg {

namespace {

using snapshot::FunctionStats;

// {"22": 3, "P0": 1}; an empty object if there were none. SQLSTATE classes are digits and capitals.
char* ErrorOriginsJson(const FunctionStats& function) {
  StringInfoData json;
  initStringInfo(&json);
  appendStringInfoChar(&json, '{');
  for (std::size_t i = 0; i < function.error_origins.size(); ++i) {
    appendStringInfo(&json, "%s\"%s\": " UINT64_FORMAT, i > 0 ? ", " : "",
                     function.error_origins[i].sqlstate_class,
                     static_cast<uint64>(function.error_origins[i].count));
  }
  appendStringInfoChar(&json, '}');
  return json.data;
}

void PutFunction(const snapshot::Snapshot& taken, const FunctionStats& function,
                 ReturnSetInfo* result) {
  const bool timed = function.TimedCalls() > 0;
  const char kind[] = {function.identity.kind, '\0'};
  ResultRow row;
  row.AddOid(function.key.dbid);
  row.AddText(taken.databases[function.database].datname.c_str());
  row.AddOid(function.key.funcid);
  row.AddText(function.identity.schema);
  row.AddText(function.identity.function);
  row.AddText(function.identity.language);
  row.AddText(kind);
  row.AddTextOrNull(function.identity.extension);
  row.AddBigInteger(function.calls);
  row.AddBigInteger(function.errors);
  row.AddBigInteger(function.canceled);
  row.AddText(ErrorOriginsJson(function));
  row.AddBigInteger(function.iterations);
  row.AddBigInteger(function.untimed);
  row.AddBigInteger(function.active);
  row.AddMilliseconds(static_cast<double>(function.inclusive_ns));
  row.AddMilliseconds(static_cast<double>(function.self_ns));
  row.AddMillisecondsIf(timed, snapshot::MeanNs(function));
  row.AddMillisecondsIf(timed, snapshot::StddevNs(function));
  row.AddMillisecondsIf(timed, static_cast<double>(function.min_ns));
  row.AddMillisecondsIf(timed, static_cast<double>(function.max_ns));
  for (const double q : {0.5, 0.9, 0.95, 0.99}) {
    row.AddMillisecondsIf(timed, snapshot::Percentile(function, q));
  }
  row.AddDouble(function.sum_squares_ns2 / 1e12);
  row.AddTimestamp(function.stats_since_us);
  row.PutInto(result);
}

void PutActiveCall(const snapshot::Snapshot& taken, const snapshot::ActiveCall& call,
                   ReturnSetInfo* result) {
  const FunctionStats& function = taken.functions[call.function];
  ResultRow row;
  row.AddInteger(static_cast<std::int32_t>(call.pid));
  row.AddOid(function.key.dbid);
  row.AddText(taken.databases[function.database].datname.c_str());
  row.AddOid(function.key.funcid);
  row.AddText(function.identity.schema);
  row.AddText(function.identity.function);
  row.AddInteger(static_cast<std::int32_t>(call.depth));
  row.AddTimestamp(call.started_at_us);
  row.PutInto(result);
}

void PutRoleCalls(const snapshot::Snapshot& taken, const snapshot::RoleCalls& calls,
                  ReturnSetInfo* result) {
  const FunctionStats& function = taken.functions[calls.function];
  ResultRow row;
  row.AddOid(calls.role);
  row.AddOid(function.key.dbid);
  row.AddText(taken.databases[function.database].datname.c_str());
  row.AddOid(function.key.funcid);
  row.AddText(function.identity.schema);
  row.AddText(function.identity.function);
  row.AddBigInteger(calls.calls);
  row.PutInto(result);
}

// The rows that a reset is about. Null arguments mean all.
void ResetMatching(Oid dbid, bool all_functions, Oid funcid, std::int64_t now_us) {
  const TableLock lock(LW_EXCLUSIVE);
  for (std::uint32_t i = 0; i < shared_stats->rows_end(); ++i) {
    shared::FunctionRow& row = shared_stats->row(i);
    const shared::FunctionKey key = row.Key();
    if (row.live.load(std::memory_order_relaxed) != 0 && key.dbid == dbid &&
        (all_functions || (OidIsValid(funcid) && key.funcid == funcid))) {
      shared_stats->Reset(row, now_us);
    }
  }
}

}  // namespace

}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_stats_rows);
PG_FUNCTION_INFO_V1(pg_hello_active_rows);
PG_FUNCTION_INFO_V1(pg_hello_role_rows);
PG_FUNCTION_INFO_V1(pg_hello_reset);
PG_FUNCTION_INFO_V1(pg_hello_info);
PG_FUNCTION_INFO_V1(pg_hello_metrics);
PG_FUNCTION_INFO_V1(pg_hello_library_version);

PGDLLEXPORT Datum pg_hello_stats_rows(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_active_rows(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_role_rows(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_reset(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_info(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_metrics(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_library_version(PG_FUNCTION_ARGS);

Datum pg_hello_stats_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const FunctionStats& function : taken->functions) {
    CHECK_FOR_INTERRUPTS();
    PutFunction(*taken, function, result);
  }
  PG_RETURN_NULL();
}

Datum pg_hello_active_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const pg_hello::snapshot::ActiveCall& call : taken->active_calls) {
    CHECK_FOR_INTERRUPTS();
    PutActiveCall(*taken, call, result);
  }
  PG_RETURN_NULL();
}

// The last row, if there is one, is without role and function: the calls that found no place.
Datum pg_hello_role_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const pg_hello::snapshot::RoleCalls& calls : taken->role_calls) {
    CHECK_FOR_INTERRUPTS();
    PutRoleCalls(*taken, calls, result);
  }
  if (taken->role_calls_overflow > 0) {
    ResultRow row;
    for (int i = 0; i < 6; ++i) {
      row.AddNull();
    }
    row.AddBigInteger(taken->role_calls_overflow);
    row.PutInto(result);
  }
  PG_RETURN_NULL();
}

// pg_hello_reset(datname name DEFAULT NULL, funcid oid DEFAULT NULL) returns timestamptz
Datum pg_hello_reset(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  RequireSharedMemory();
  const std::int64_t now_us = UnixTimeUs();
  if (PG_ARGISNULL(0) && PG_ARGISNULL(1)) {
    const TableLock lock(LW_EXCLUSIVE);
    shared_stats->ResetAll(now_us);
  } else {
    const Oid dbid =
        PG_ARGISNULL(0) ? MyDatabaseId : get_database_oid(NameStr(*PG_GETARG_NAME(0)), false);
    ResetMatching(dbid, PG_ARGISNULL(1), PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1), now_us);
  }
  PG_RETURN_TIMESTAMPTZ(ToTimestampTz(now_us));
}

Datum pg_hello_info(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  InitMaterializedSRF(fcinfo, 0);
  ResultRow row;
  row.AddText(DescribeVersions());
  row.AddText(taken->server.postgres_version.c_str());
  row.AddBoolean(taken->server.in_recovery);
  row.AddTimestamp(taken->stats_reset_us);
  row.AddInteger(static_cast<std::int32_t>(taken->functions.size()));
  row.AddInteger(static_cast<std::int32_t>(taken->functions_limit));
  row.AddBigInteger(taken->OverflowCalls());
  row.AddBigInteger(taken->shared_memory_bytes);
  row.AddText(taken->clock_source);
  row.AddBigInteger(taken->stack_resyncs);
  taken->worker.pid != 0 ? row.AddInteger(static_cast<std::int32_t>(taken->worker.pid))
                         : row.AddNull();
  row.AddTimestamp(taken->worker.started_at_us);
  row.AddTimestamp(taken->worker.heartbeat_at_us);
  row.AddInteger(taken->worker.starts > 0 ? static_cast<std::int32_t>(taken->worker.starts - 1)
                                          : 0);
  row.AddBoolean(taken->worker.listening);
  row.AddTextOrNull(taken->worker.listen_addresses.c_str());
  taken->worker.port != 0 ? row.AddInteger(static_cast<std::int32_t>(taken->worker.port))
                          : row.AddNull();
  row.AddTextOrNull(taken->worker.listen_error.c_str());
  row.PutInto(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo));
  PG_RETURN_NULL();
}

Datum pg_hello_metrics(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  (void)fcinfo;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  const auto* rendered = MakeOwned<std::string>([taken] {
    std::size_t samples = 0;
    return pg_hello::exposition::RenderText(
        *taken, &samples, pg_hello::exposition::MakeOptions(*taken, MetricsBudget()));
  });
  PG_RETURN_TEXT_P(ToServerText(rendered->data(), rendered->size()));
}

Datum pg_hello_library_version(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(PG_HELLO_VERSION));
}

}  // extern "C"
#pragma GCC visibility pop
