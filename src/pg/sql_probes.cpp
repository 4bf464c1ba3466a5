// pg_hello_probes in SQL.
#include "pg/guarded.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg/server_state.h"
#include "pg/shared_memory.h"
#include "pg_hello/snapshot/snapshot.h"

extern "C" {
#include "funcapi.h"
}

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_probe_rows);
PGDLLEXPORT Datum pg_hello_probe_rows(PG_FUNCTION_ARGS);

Datum pg_hello_probe_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  using namespace pg_hello;
  RequireSharedMemory();
  const ServerFacts facts = ReadServerFacts();
  const auto* taken =
      MakeOwned<snapshot::Snapshot>([&facts] { return pg_hello::pg::TakeSummary(facts); });
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const snapshot::ProbedDatabase& database : taken->probed_databases) {
    for (std::size_t i = 0; i < database.results.size(); ++i) {
      const shared::ProbeResult& probed = database.results[i];
      const bool run = probed.state != shared::ProbeState::kNotRun;
      ResultRow row;
      row.AddOid(database.dbid);
      row.AddText(database.datname.c_str());
      row.AddText(shared::kProbeNames[i]);
      run ? row.AddBoolean(probed.state == shared::ProbeState::kPassed) : row.AddNull();
      row.AddText(probed.state == shared::ProbeState::kPassed ? "ok" : probed.text);
      row.AddMillisecondsIf(run, static_cast<double>(probed.duration_ns));
      row.AddTimestamp(database.visited_us);
      row.AddTimestamp(probed.last_success_us);
      row.AddTimestamp(probed.since_us);
      row.PutInto(result);
    }
  }
  PG_RETURN_NULL();
}

}  // extern "C"
#pragma GCC visibility pop
