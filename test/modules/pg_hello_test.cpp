// Functions in C for the integration tests to call: each does one thing that cannot be done as
// exactly in a procedural language. And, if it is in shared_preload_libraries, another user of the
// function manager's hooks, who keeps to the custom of sepgsql and plpgsql_check: a struct of its
// own in the call site's Datum, and in it a Datum for the next. Nothing here knows pg_hello.
#include "pg/pg.h"

#include <cstdlib>
#include <ctime>

extern "C" {
#include "access/transam.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(pg_hello_test_noop);
PG_FUNCTION_INFO_V1(pg_hello_test_raise);
PG_FUNCTION_INFO_V1(pg_hello_test_srf);
PG_FUNCTION_INFO_V1(pg_hello_test_spin_ms);
PG_FUNCTION_INFO_V1(pg_hello_test_busy_ns);
PG_FUNCTION_INFO_V1(pg_hello_test_recurse);
PG_FUNCTION_INFO_V1(pg_hello_test_events);
PG_FUNCTION_INFO_V1(pg_hello_test_next_oid);

PGDLLEXPORT Datum pg_hello_test_noop(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_raise(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_srf(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_spin_ms(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_busy_ns(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_recurse(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_events(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_test_next_oid(PG_FUNCTION_ARGS);

struct SiteState {
  int magic;
  int open_calls;
  Datum next_private;
};

static constexpr int kMagic = 0x74657374;

static needs_fmgr_hook_type previous_needs_hook = nullptr;
static fmgr_hook_type previous_hook = nullptr;
static int starts = 0;
static int ends = 0;
static int aborts = 0;
static int strange = 0;  // what should never happen

static bool NeedsHook(Oid function) {
  return (previous_needs_hook != nullptr && previous_needs_hook(function)) ||
         function >= FirstNormalObjectId;
}

static void Hook(FmgrHookEventType event, FmgrInfo* flinfo, Datum* slot) {
  auto* state = reinterpret_cast<SiteState*>(DatumGetPointer(*slot));
  if (state == nullptr) {
    strange += event != FHET_START;
    state = static_cast<SiteState*>(MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(SiteState)));
    state->magic = kMagic;
    *slot = PointerGetDatum(state);
  }
  if (state->magic != kMagic) {
    ++strange;
    return;
  }
  state->open_calls += event == FHET_START ? 1 : -1;
  strange += state->open_calls < 0;
  ++(event == FHET_START ? starts : event == FHET_END ? ends : aborts);
  if (previous_hook != nullptr) {
    previous_hook(event, flinfo, &state->next_private);
  }
}

void _PG_init(void) {
  if (process_shared_preload_libraries_in_progress) {
    previous_needs_hook = needs_fmgr_hook;
    needs_fmgr_hook = NeedsHook;
    previous_hook = fmgr_hook;
    fmgr_hook = Hook;
  }
}

// events(): what the hook has seen in this session, calls of events() included.
Datum pg_hello_test_events(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_TEXT_P(cstring_to_text(
      psprintf("starts=%d ends=%d aborts=%d strange=%d", starts, ends, aborts, strange)));
}

// noop(int4): its argument.
Datum pg_hello_test_noop(PG_FUNCTION_ARGS) { PG_RETURN_INT32(PG_GETARG_INT32(0)); }

// raise(sqlstate text): raises an error of that SQLSTATE; returns 0 if it is empty.
Datum pg_hello_test_raise(PG_FUNCTION_ARGS) {
  const char* sqlstate = text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (sqlstate[0] == '\0') {
    PG_RETURN_INT32(0);
  }
  for (int i = 0; i < 5; ++i) {
    if (sqlstate[i] == '\0') {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("a SQLSTATE has five characters, not \"%s\"", sqlstate)));
    }
  }
  ereport(ERROR,
          (errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4])),
           errmsg("raised on request: %s", sqlstate)));
  PG_RETURN_INT32(0);
}

// srf(n int4): 1..n, one value per call; for a negative n, 1..-n and then an error.
Datum pg_hello_test_srf(PG_FUNCTION_ARGS) {
  if (SRF_IS_FIRSTCALL()) {
    FuncCallContext* first = SRF_FIRSTCALL_INIT();
    first->max_calls = static_cast<uint64>(std::abs(PG_GETARG_INT32(0)));
  }
  FuncCallContext* context = SRF_PERCALL_SETUP();
  if (context->call_cntr < context->max_calls) {
    const auto value = static_cast<int32>(context->call_cntr + 1);  // which the macro counts up
    SRF_RETURN_NEXT(context, Int32GetDatum(value));
  }
  if (PG_GETARG_INT32(0) < 0) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("no more rows, on request")));
  }
  SRF_RETURN_DONE(context);
}

// recurse(n int4, bottom oid): calls itself n times, one inside the other, and there the function
// `bottom`, which takes no arguments.
Datum pg_hello_test_recurse(PG_FUNCTION_ARGS) {
  check_stack_depth();
  const int32 left = PG_GETARG_INT32(0);
  if (left > 0) {
    FmgrInfo itself;
    fmgr_info(fcinfo->flinfo->fn_oid, &itself);
    FunctionCall2(&itself, Int32GetDatum(left - 1), PG_GETARG_DATUM(1));
  } else {
    OidFunctionCall0(PG_GETARG_OID(1));
  }
  PG_RETURN_VOID();
}

// next_oid(oid): the server's next new object gets this oid, if it is free.
Datum pg_hello_test_next_oid(PG_FUNCTION_ARGS) {
#if PG_VERSION_NUM >= 170000
  auto* counters = TransamVariables;
#else
  auto* counters = ShmemVariableCache;
#endif
  LWLockAcquire(OidGenLock, LW_EXCLUSIVE);
  counters->nextOid = PG_GETARG_OID(0);
  counters->oidCount = 0;
  LWLockRelease(OidGenLock);
  PG_RETURN_VOID();
}

// spin_ms(ms int4): burns CPU for so long by the wall clock, can be canceled.
Datum pg_hello_test_spin_ms(PG_FUNCTION_ARGS) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64 end =
      now.tv_sec * INT64CONST(1000000000) + now.tv_nsec + PG_GETARG_INT32(0) * INT64CONST(1000000);
  while (now.tv_sec * INT64CONST(1000000000) + now.tv_nsec < end) {
    CHECK_FOR_INTERRUPTS();
    clock_gettime(CLOCK_MONOTONIC, &now);
  }
  PG_RETURN_VOID();
}

// busy_ns(ns int8): burns CPU for so long, or as much longer as others took the CPU away, and
// returns how long it was.
Datum pg_hello_test_busy_ns(PG_FUNCTION_ARGS) {
  const auto clock = [] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64CONST(1000000000) + now.tv_nsec;
  };
  const int64 start = clock();
  int64 now = start;
  while (now - start < PG_GETARG_INT64(0)) {
    CHECK_FOR_INTERRUPTS();
    now = clock();
  }
  PG_RETURN_INT64(now - start);
}

}  // extern "C"
