// What the counters take of memory, in SQL: the formula of docs/overhead.md with this server's
// numbers.
#include <cstdint>

#include "pg/call_site.h"
#include "pg/function_refs.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg/shared_memory.h"
#include "pg_hello/pending/call_stack.h"
#include "pg_hello/pending/function_ref.h"

extern "C" {
#include "funcapi.h"
}

namespace pg_hello::pg {

namespace {

void PutPart(const char* memory, const shared::MemoryPart& part, ReturnSetInfo* result) {
  ResultRow row;
  row.AddText(memory);
  row.AddText(part.name);
  row.AddBigInteger(part.number);
  row.AddBigInteger(part.bytes_each);
  row.AddBigInteger(part.bytes);
  row.PutInto(result);
}

void PutArray(const char* name, std::uint64_t number, std::uint64_t bytes_each,
              ReturnSetInfo* result) {
  PutPart("backend", {name, number, bytes_each, number * bytes_each}, result);
}

}  // namespace

}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_memory);
PGDLLEXPORT Datum pg_hello_memory(PG_FUNCTION_ARGS);

Datum pg_hello_memory(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  namespace pending = pg_hello::pending;
  namespace shared = pg_hello::shared;
  RequireSharedMemory();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const shared::MemoryPart& part : shared::SharedStats::PartsOf(shared_stats->dimensions())) {
    PutPart("shared", part, result);
  }
  // The server aligns what it gives away by less than a cache line.
  PutPart("shared", {"alignment", 1, alignof(shared::SharedStats), alignof(shared::SharedStats)},
          result);
  PutArray("functions", RefCapacity() + 1, sizeof(pending::FunctionRef), result);
  PutArray("function index", IndexCapacity(), sizeof(std::uint32_t), result);
  PutArray("call sites", kMaxCallSites, sizeof(CallSite), result);
  PutArray("call stack", pending::kMaxDepth + 2, sizeof(pending::CallFrame), result);
  PG_RETURN_NULL();
}

}  // extern "C"
#pragma GCC visibility pop
