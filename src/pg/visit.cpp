// Kept apart from the process' life: what ends a visit early, and what that says of the database.
#include "pg/visit.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "pg/shared_memory.h"
#include "pg_hello/measure/utf8.h"

extern "C" {
#include "catalog/pg_database.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
}

namespace pg_hello::pg {

namespace {

using shared::ProbeKind;
using shared::ProbeOutcome;
using shared::ProbeState;
using shared::VisitEnd;

constexpr int kGraceMs = 500;
constexpr int kLooks = 8;  // during the timeout

shared::ProbeLane* lane = nullptr;
std::uint32_t ticket = 0;
std::uint32_t timeout_ms = 0;
shared::VisitReport report;
std::uint64_t probe_began_ns = 0;

// Set by the timeouts' handlers.
volatile sig_atomic_t timed_out = 0;
volatile sig_atomic_t waits_for_lock = 0;
volatile sig_atomic_t waited_for_database = 0;

bool IsConnecting() { return report.probe == static_cast<std::uint8_t>(ProbeKind::kConnect); }
bool ListsDatabases() { return !OidIsValid(VisitedDatabase()); }

extern "C" {

static void LeaveLane(int, Datum) { lane->Leave(ticket, static_cast<std::uint32_t>(MyProcPid)); }

// Looked for several times, because what is left of the time when the lock is granted may be short.
// Who grants it takes the pointer away at any time; the process has no place among others any more
// when it exits.
static void NoteWait() {
  const LOCK* const awaited = MyProc != nullptr ? MyProc->waitLock : nullptr;
  waits_for_lock = awaited != nullptr ? 1 : 0;
  if (awaited != nullptr && awaited->tag.locktag_type == LOCKTAG_OBJECT &&
      awaited->tag.locktag_field2 == DatabaseRelationId) {
    waited_for_database = 1;
  }
}

static void CancelByTimeout() {
  timed_out = 1;
  NoteWait();
  InterruptPending = 1;
  QueryCancelPending = 1;
  SetLatch(MyLatch);
}

static void EndByTimeout() {
  InterruptPending = 1;
  ProcDiePending = 1;
  SetLatch(MyLatch);
}

}  // extern "C"

// The message in valid UTF-8, cut to its place; by its SQLSTATE if there is no memory for that.
void SetText(ProbeOutcome& outcome, const char* message, int sqlstate) noexcept {
  try {
    const std::string valid = measure::ToValidUtf8(message, nullptr);
    const std::size_t length = measure::Utf8CutLength(valid, sizeof(outcome.text) - 1);
    std::memcpy(outcome.text, valid.data(), length);
    outcome.text[length] = '\0';
  } catch (...) {
    std::snprintf(outcome.text, sizeof(outcome.text), "SQLSTATE %s", unpack_sql_state(sqlstate));
  }
}

// The current probe's outcome is what its text says.
void Judge() {
  ProbeOutcome* outcome = PresentOutcome();
  if (outcome->duration_ns == 0) {
    outcome->duration_ns = measure::MonotonicNs() - probe_began_ns;
  }
  outcome->state = outcome->text[0] == '\0' ? ProbeState::kPassed : ProbeState::kFailed;
}

void TimeOut() {
  if (IsConnecting() && waited_for_database != 0) {
    return ConcludeVisit(VisitEnd::kBusy, "");
  }
  std::snprintf(PresentOutcome()->text, sizeof(PresentOutcome()->text), "no answer within %u ms%s",
                timeout_ms, waits_for_lock != 0 ? ", waiting for a lock" : "");
  Judge();
  report.timed_out = true;
  ConcludeVisit(VisitEnd::kDone, "an earlier probe took all the time");
}

// Messages of functions are nobody's business but their users'.
void Fail(int sqlstate, const char* message) {
  if (report.probe < static_cast<std::uint8_t>(ProbeKind::kGreet)) {
    SetText(*PresentOutcome(), message, sqlstate);
  } else {
    std::snprintf(PresentOutcome()->text, sizeof(PresentOutcome()->text),
                  "the call failed with SQLSTATE %s", unpack_sql_state(sqlstate));
  }
  Judge();
}

}  // namespace

bool TakeVisit(const VisitorArguments& arguments) {
  lane = &shared_stats->probes.lanes[arguments.lane];
  ticket = arguments.ticket;
  if (!lane->Take(ticket, static_cast<std::uint32_t>(MyProcPid))) {
    return false;
  }
  timeout_ms = lane->timeout_ms.load(std::memory_order_relaxed);
  on_shmem_exit(LeaveLane, Datum{0});
  return true;
}

Oid VisitedDatabase() { return lane->dbid.load(std::memory_order_relaxed); }

void StartVisitClock() {
  const TimeoutId cancel = RegisterTimeout(USER_TIMEOUT, CancelByTimeout);
  const TimeoutId end = RegisterTimeout(USER_TIMEOUT, EndByTimeout);
  const TimeoutId look = RegisterTimeout(USER_TIMEOUT, NoteWait);
  const int looks_ms = std::max(static_cast<int>(timeout_ms) / kLooks, 1);
  enable_timeout_every(look, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), looks_ms),
                       looks_ms);
  enable_timeout_after(cancel, static_cast<int>(timeout_ms));
  enable_timeout_after(end, static_cast<int>(timeout_ms) + kGraceMs);
}

shared::VisitReport* PresentReport() { return &report; }

ProbeOutcome* PresentOutcome() { return &report.outcomes[report.probe]; }

void BeginProbe(ProbeKind kind) {
  report.probe = static_cast<std::uint8_t>(kind);
  lane->report.Publish(report);
  probe_began_ns = measure::MonotonicNs();
}

// Who catches the cancel and answers is late all the same.
void FinishProbe() { timed_out != 0 ? TimeOut() : Judge(); }

void TakeError(int sqlstate, const char* message) {
  if (VisitIsOver()) {
    return;
  }
  if (ListsDatabases()) {  // a list is good as a whole or not at all
    ConcludeVisit(VisitEnd::kInterrupted, "");
  } else if (timed_out != 0) {
    TimeOut();
  } else {
    Fail(sqlstate, message);
  }
}

void TakeFatal(int sqlstate, const char* message) {
  const bool timed = timed_out != 0;
  if (!timed && (sqlstate == ERRCODE_ADMIN_SHUTDOWN || sqlstate == ERRCODE_CRASH_SHUTDOWN ||
                 sqlstate == ERRCODE_CANNOT_CONNECT_NOW)) {
    return VisitIsOver() ? void() : ConcludeVisit(VisitEnd::kInterrupted, "");
  }
  TakeError(sqlstate, message);
  if (VisitIsOver()) {
    return;
  }
  const bool gone = sqlstate == ERRCODE_DATABASE_DROPPED ||
                    sqlstate == ERRCODE_UNDEFINED_DATABASE ||
                    sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;  // takes no connections
  ConcludeVisit(gone ? VisitEnd::kGone : VisitEnd::kDone, "the visitor was ended by an error");
}

void ConcludeVisit(VisitEnd end, const char* reason) {
  for (ProbeOutcome& outcome : report.outcomes) {
    if (outcome.state == ProbeState::kNotRun) {
      strlcpy(outcome.text, reason, sizeof(outcome.text));
    }
  }
  report.end = end;
  lane->report.Publish(report);
}

bool VisitIsOver() { return report.end != VisitEnd::kUnderWay; }

}  // namespace pg_hello::pg
