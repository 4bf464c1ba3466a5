// The life of a visitor: take the visit, connect, probe, leave. It never stays longer than its
// timeout and half a second:
//
//   pg_hello.probe_timeout   a query cancel, which the probe that is being made fails by
//   half a second later      the end, also of functions that catch query cancels
//
// Whatever happens to it is in its report, and nothing is in the log: it tells the worker, who
// tells the log when something has changed. It always exits with status 0, as the postmaster logs
// others.
#include "pg/probe_visitor.h"

#include <cstring>

#include "pg/compat.h"
#include "pg/function_names.h"
#include "pg/pg.h"
#include "pg/probe_calls.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg/visit.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "libpq/pqsignal.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
}

namespace pg_hello::pg {

namespace {

using shared::ProbeKind;
using shared::ProbeOutcome;
using shared::ProbeState;
using shared::VisitEnd;
using shared::VisitReport;

extern "C" {

static void KeepOutOfLog(ErrorData* error) {
  if (error->elevel == FATAL) {
    TakeFatal(error->sqlerrcode, error->message != nullptr ? error->message : "");
  }
  if (error->elevel <= FATAL) {
    error->output_to_server = false;
  }
}

// Called when everything of shared memory has been left. Calling proc_exit() again goes on with
// the callbacks that are left.
static void ExitSilently(int code, Datum) {
  if (code != 0) {
    proc_exit(0);
  }
}

}  // extern "C"

// --- listing -------------------------------------------------------------------------------------

// Null if there is no memory. The process lives too short for it to be given back.
const selection::NameList* WantedNames() noexcept {
  try {
    return new selection::NameList(ProbeDatabases());
  } catch (...) {
    return nullptr;
  }
}

void AddTarget(Oid dbid, const NameData& datname, const selection::NameList& wanted) {
  shared::ProbeBoard& board = shared_stats->probes;
  shared::DatabaseName name;
  NameListedDatabase(dbid, NameStr(datname), &name);
  if (!wanted.globs.empty() && !wanted.Matches(name.datname)) {
    return;
  }
  if (board.target_count == shared::kMaxProbeTargets) {
    ++board.targets_left_out;
    return;
  }
  board.targets[board.target_count++] = {dbid, !wanted.globs.empty(), name};
}

// Databases that accept no connections are none of ours.
void ListDatabases() {
  const selection::NameList* wanted = WantedNames();
  if (wanted == nullptr) {
    return;
  }
  shared_stats->probes.target_count = 0;
  shared_stats->probes.targets_left_out = 0;
  Relation databases = table_open(DatabaseRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(databases, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    auto* form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    if (form->datallowconn && !IsInvalidDatabase(form)) {
      AddTarget(form->oid, form->datname, *wanted);
    }
  }
  systable_endscan(scan);
  table_close(databases, AccessShareLock);
  ConcludeVisit(VisitEnd::kDone, "");
}

void VisitNoDatabase() {
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
  StartTransactionCommand();
  ListDatabases();
  CommitTransactionCommand();
}

// --- probing -------------------------------------------------------------------------------------

using ProbeFunction = void (*)(VisitReport*, ProbeOutcome*);

void InTransaction(ProbeFunction probe) {
  StartTransactionCommand();
  PushActiveSnapshot(GetTransactionSnapshot());
  probe(PresentReport(), PresentOutcome());
  PopActiveSnapshot();
  CommitTransactionCommand();
}

// The error that PG_CATCH has caught.
void TakeCaughtError() {
  MemoryContextSwitchTo(TopMemoryContext);
  ErrorData* error = CopyErrorData();
  FlushErrorState();
  TakeError(error->sqlerrcode, error->message);
}

// After a timeout the visit is over.
void Make(ProbeKind kind, ProbeFunction probe) {
  BeginProbe(kind);
  PG_TRY();
  {
    InTransaction(probe);
    FinishProbe();
  }
  PG_CATCH();
  {
    TakeCaughtError();
    AbortCurrentTransaction();
  }
  PG_END_TRY();
}

void MakeProbes() {
  Make(ProbeKind::kExtension, ProbeExtension);
  if (!VisitIsOver() && PresentOutcome()->state != ProbeState::kPassed) {
    ConcludeVisit(VisitEnd::kDone, "the extension was not found");
  }
  constexpr struct {
    ProbeKind kind;
    ProbeFunction probe;
  } kProbes[] = {{ProbeKind::kVersion, ProbeVersion},
                 {ProbeKind::kGreet, ProbeGreet},
                 {ProbeKind::kNowMs, ProbeNowMs},
                 {ProbeKind::kSpiVersion, ProbeSpiVersion}};
  for (const auto& [kind, probe] : kProbes) {
    if (VisitIsOver()) {
      return;
    }
    Make(kind, probe);
  }
  if (!VisitIsOver()) {
    ConcludeVisit(VisitEnd::kDone, "");
  }
}

void VisitDatabase(Oid database) {
  BeginProbe(ProbeKind::kConnect);
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  FinishProbe();
  if (!VisitIsOver()) {
    NeutralizeSettings();
    MakeProbes();
  }
}

void Visit() {
  PG_TRY();
  {
    if (OidIsValid(VisitedDatabase())) {
      VisitDatabase(VisitedDatabase());
    } else {
      VisitNoDatabase();
    }
  }
  PG_CATCH();
  {
    // Nobody else has caught it: while connecting, or between probes.
    // HOLD_INTERRUPTS(), whose increment of something volatile C++20 deprecates.
    InterruptHoldoffCount = InterruptHoldoffCount + 1;
    TakeCaughtError();
    if (!VisitIsOver()) {
      ConcludeVisit(VisitEnd::kDone, "the visitor was ended by an error");
    }
  }
  PG_END_TRY();
}

}  // namespace

}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PGDLLEXPORT void pg_hello_probe_main(Datum argument);

void pg_hello_probe_main(Datum) {
  using namespace pg_hello::pg;
  on_proc_exit(ExitSilently, Datum{0});
  VisitorArguments arguments;
  std::memcpy(&arguments, MyBgworkerEntry->bgw_extra, sizeof(arguments));
  if (!TakeVisit(arguments)) {
    proc_exit(0);
  }
  emit_log_hook = KeepOutOfLog;
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  SetConfigOption("lc_messages", "C", PGC_SUSET, PGC_S_OVERRIDE);
  StartVisitClock();
  Visit();
  disable_all_timeouts(false);
  proc_exit(0);
}

}  // extern "C"
#pragma GCC visibility pop
