// The hot path: what happens at every call of a tracked function. Everything rarer is elsewhere.
//
//   START  the call site's ref -> a frame on the call stack
//   END    the frame -> a sample -> this backend's pending counters
//   ABORT  the same, and an error
//
// Rules: no lock, no allocation, no system call and no look-up once the call site is known; nothing
// is thrown or raised; no object with a destructor lives in these frames, because errors jump over
// them. END and ABORT touch no catalog: they also run while a transaction is being aborted.
#include "pg/fmgr_hooks.h"

#include <iterator>

#include "pg/backend_stats.h"
#include "pg/call_path.h"
#include "pg/call_site.h"
#include "pg/compat.h"
#include "pg/contained.h"
#include "pg/function_names.h"
#include "pg/function_refs.h"
#include "pg/pg.h"
#include "pg/set_calls.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg/tracking_rules.h"
#include "pg/worker_errors.h"

extern "C" {
#include "access/xact.h"
#include "storage/ipc.h"
#include "utils/elog.h"
}

namespace pg_hello::pg {

using pending::FunctionRef;
using pending::PendingStats;
using pending::Verdict;

CallPath call_path{1, false, nullptr, 0, {nullptr, 0, 0}};

pending::CallStack<measure::TickClock> call_stack;
pending::PendingStats pending_stats;

namespace {

pending::CallFrames call_frames;
const void* stack_base = nullptr;
int clock_in_use = -1;

emit_log_hook_type previous_emit_log_hook = nullptr;
int fatal_sqlstate = 0;

measure::TickClock ChosenClock() {
  switch (settings.clock) {
    case kClockTsc:
      return shared_stats->clock(measure::ClockSource::kTsc);
    case kClockMonotonic:
      return shared_stats->clock(measure::ClockSource::kMonotonic);
    default:
      return shared_stats->clock(shared_stats->best_clock_source());
  }
}

void TakeChosenClock() {
  if (clock_in_use != settings.clock) {
    const measure::TickClock clock = ChosenClock();
    call_stack.set_clock(clock);
    shared_stats->slot(static_cast<std::uint32_t>(BackendNumber()))
        .clock_source.store(static_cast<std::uint32_t>(clock.source), std::memory_order_relaxed);
    clock_in_use = settings.clock;
  }
}

// The two characters of the error's SQLSTATE class, the first in the low byte.
std::uint32_t SqlstateClass(int sqlstate) {
  const auto first = static_cast<unsigned char>(PGUNSIXBIT(sqlstate));
  const auto second = static_cast<unsigned char>(PGUNSIXBIT(sqlstate >> 6));
  return static_cast<std::uint32_t>(first) | (static_cast<std::uint32_t>(second) << 8);
}

void RecordCall(CallSite* site, FunctionRef& ref, const shared::CallSample& sample, bool failed) {
  if (site != nullptr && site->set.function != nullptr) {
    LeaveSet(site, sample, failed);
  } else {
    pending_stats.Record(ref, sample);
  }
}

// An error leaves the function; where it leaves the innermost tracked one is its origin.
void RecordError(FunctionRef& ref, int sqlstate) {
  pending_stats.RecordError(ref, sqlstate == ERRCODE_QUERY_CANCELED);
  if (!call_path.unwinding) {
    if (!BeganInWorker(sqlstate)) {
      pending_stats.RecordErrorOrigin(ref, SqlstateClass(sqlstate));
      TellLeader(sqlstate);
    }
    call_path.unwinding = true;
  }
}

extern "C" {

// The error that ends a backend gives its open calls neither END nor ABORT.
static void RememberFatal(ErrorData* error) {
  if (previous_emit_log_hook != nullptr) {
    previous_emit_log_hook(error);
  }
  if (error->elevel == FATAL) {
    fatal_sqlstate = error->sqlerrcode;
  }
}

static void DetachBackend(int, Datum) {
  int sqlstate = fatal_sqlstate != 0 ? fatal_sqlstate : ERRCODE_ADMIN_SHUTDOWN;
  if (sqlstate == ERRCODE_ADMIN_SHUTDOWN && LeaderBackendNumber() >= 0) {
    sqlstate = ERRCODE_QUERY_CANCELED;  // by the leader, whose query has failed
  }
  call_path.unwinding = false;
  call_stack.EndAll(
      [sqlstate](const void* flinfo, FunctionRef& ref, const shared::CallSample& sample) {
        RecordCall(CallSiteOf(static_cast<const FmgrInfo*>(flinfo)), ref, sample, true);
        RecordError(ref, sqlstate);
      });
  shared_stats->slot(static_cast<std::uint32_t>(BackendNumber()))
      .pid.store(0, std::memory_order_release);
}

// An error was caught; whatever is raised next is a new one.
static void SubtransactionEnded(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    call_path.unwinding = false;
  }
}

}  // extern "C"

shared::DatabaseRow* FindOrInsertDatabase() {
  shared::DatabaseName name;
  NameDatabase(MyDatabaseId, &name);
  const TableLock lock(LW_EXCLUSIVE);
  return shared_stats->FindOrInsertDatabase(MyDatabaseId, name);
}

void WatchSubtransactions() { RegisterSubXactCallback(SubtransactionEnded, nullptr); }
void WatchExit() { before_shmem_exit(DetachBackend, Datum{0}); }

// What must not be done twice, though what comes after it has failed.
void RegisterCallbacks() {
  static constexpr void (*kSteps[])() = {WatchCatalogs, WatchSubtransactions, WatchWorkerErrors,
                                         WatchExit};
  static std::size_t done = 0;
  for (; done < std::size(kSteps); ++done) {
    kSteps[done]();
  }
}

// Makes this process ready to count. REQUIRES: a transaction.
void AttachBackend() {
  shared::BackendSlot& slot = shared_stats->HoldSlot(static_cast<std::uint32_t>(BackendNumber()));
  shared::DatabaseRow* database = FindOrInsertDatabase();
  RegisterCallbacks();
  pending_stats.Attach(shared_stats, &slot, database);
  call_stack.Attach(shared_stats, &slot, &call_frames, stack_base);
  slot.pid.store(static_cast<std::uint32_t>(MyProcPid), std::memory_order_release);
}

[[gnu::noinline, gnu::cold]] bool TryAttach() {
  const bool possible =
      shared_stats != nullptr && BackendNumber() >= 0 &&
      static_cast<std::uint32_t>(BackendNumber()) < shared_stats->dimensions().backend_slots &&
      OidIsValid(MyDatabaseId) && IsTransactionState();
  return possible && Contained(AttachBackend);
}

bool CanCount() { return call_stack.attached() || TryAttach(); }

// The ref of a function about to be called, with everything known that there is to know; null if
// the call is not to be tracked.
[[gnu::noinline, gnu::cold]] FunctionRef* Prepare(FunctionRef* ref, Oid function) {
  // Without a transaction nothing can be looked up; then the call goes untracked.
  if (!IsTransactionState()) {
    return nullptr;
  }
  bool overflow = false;
  const bool prepared =
      (ref != nullptr && IsPrepared(ref)) || Contained([&ref, &overflow, function] {
        if (ref == nullptr) {
          ref = FindOrMakeRef(function);
        }
        if (ref != nullptr) {
          PrepareRef(ref);
        } else {
          overflow = WantsTracking(function);
        }
      });
  if (!prepared) {
    DistrustRef(ref);
    return nullptr;
  }
  if (ref == nullptr) {
    if (overflow) {
      pending_stats.RecordOverflow();
    }
    return nullptr;
  }
  if (call_stack.depth() == 0) {
    TakeChosenClock();
  } else if (clock_in_use != settings.clock) {
    ref->ready = 0;  // ask again: the clock can be changed only when no call is open
  }
  return ref;
}

// `stack_address`: of fmgr_hook's own frame, so that all calls are compared by the same measure.
void Begin(FmgrInfo* flinfo, FunctionRef* ref, const void* stack_address) {
  call_path.unwinding = false;
  if (!call_stack.Begin(flinfo, ref, stack_address) && ref != nullptr) [[unlikely]] {
    pending_stats.RecordUntimed(*ref);
  }
}

// An END or ABORT at a site that has a CallSite: whose call it was, recorded; null if nobody's.
FunctionRef* Leave(FmgrInfo* flinfo, CallSite* site, bool failed) {
  shared::CallSample sample;
  FunctionRef* ref = call_stack.End(flinfo, &sample);
  if (ref == nullptr) {
    return nullptr;
  }
  RecordCall(site, *ref, sample, failed);
  return ref;
}

void Abort(FmgrInfo* flinfo, CallSite* site, FunctionRef* site_ref) {
  // First of all: the error is on top of the error stack only until somebody else reports one.
  const int sqlstate = geterrcode();
  FunctionRef* ref = Leave(flinfo, site, true);
  if (ref == nullptr && site_ref != nullptr && site_ref->verdict == Verdict::kTracked &&
      call_stack.depth() == pending::kMaxDepth) {
    ref = site_ref;  // too deep to be timed: counted when it began
  }
  if (ref != nullptr) {
    RecordError(*ref, sqlstate);
  }
}

// A START at a site that is not ready to go.
void StartAnew(FmgrInfo* flinfo, CallSite* site, Datum* slot, const void* stack_address) {
  FunctionRef* ref = site != nullptr ? site->ref : FunctionRefAt(*slot, flinfo->fn_oid);
  if (ref == nullptr || !IsReady(ref)) {
    ref = Prepare(ref, flinfo->fn_oid);
  }
  if (site != nullptr) {
    site->ref = ref;
  } else if (*slot == Datum{0} && previous_hook == nullptr && !flinfo->fn_retset) {
    *slot = PointerGetDatum(ref);
  }
  if (ref != nullptr && ref->verdict == Verdict::kUntracked) {
    ref = nullptr;
  }
  if (ref != nullptr && site != nullptr && flinfo->fn_retset) {
    EnterSet(site);
  }
  Begin(flinfo, ref, stack_address);
}

// Any event at any site.
[[gnu::noinline]] void AnyEvent(FmgrHookEventType event, FmgrInfo* flinfo, Datum* slot,
                                const void* stack_address) {
  const bool wants_site = previous_hook != nullptr || flinfo->fn_retset;
  CallSite* site = wants_site ? FindOrMakeCallSite(flinfo, slot) : nullptr;
  Datum* next_private = NextPrivate(site, slot);
  if (event == FHET_START) {
    if (previous_hook != nullptr) {
      previous_hook(event, flinfo, next_private);
    }
    if (CanCount()) {
      StartAnew(flinfo, site, slot, stack_address);
    }
    return;
  }
  if (call_stack.attached()) {
    if (event == FHET_END) {
      call_path.unwinding = false;
      Leave(flinfo, site, false);
    } else {
      Abort(flinfo, site, site != nullptr ? site->ref : FunctionRefAt(*slot, flinfo->fn_oid));
    }
  }
  if (previous_hook != nullptr) {
    previous_hook(event, flinfo, next_private);
  }
}

// The first START at a call site, if there is nothing else to it; or else any event.
[[gnu::noinline]] void OtherEvent(FmgrHookEventType event, FmgrInfo* flinfo, Datum* slot,
                                  const void* stack_address) {
  if (event == FHET_START && *slot == Datum{0} && !flinfo->fn_retset) {
    FunctionRef* ref = FindRef(flinfo->fn_oid);
    if (ref != nullptr && IsReady(ref) && call_stack.TryBegin(flinfo, ref, stack_address)) {
      call_path.unwinding = false;
      *slot = PointerGetDatum(ref);
      return;
    }
  }
  AnyEvent(event, flinfo, slot, stack_address);
}

extern "C" {

static bool NeedsFmgrHook(Oid function) {
  if (previous_needs_hook != nullptr && previous_needs_hook(function)) {
    return true;
  }
  if (settings.track == kTrackNone || function < kFirstUserFunction || !CanCount() ||
      !IsTransactionState()) {
    return false;
  }
  const FunctionRef* known = FindRef(function);
  if (known != nullptr && known->ready == call_path.generation) [[likely]] {
    return true;
  }
  if (known != nullptr && known->generation == call_path.generation) {
    return known->verdict != Verdict::kUntracked;
  }
  bool wanted = false;
  FunctionRef* ref = nullptr;
  const bool known_now = Contained([&ref, &wanted, function] {
    ref = FindOrMakeRef(function);
    wanted = ref != nullptr ? IsTracked(ref) : WantsTracking(function);
  });
  if (!known_now) {
    DistrustRef(ref);  // and not hooked: if the planner could inline it, the plan would change
  }
  return known_now && wanted;
}

// Another library uses the hook behind us.
static void ChainedFmgrHook(FmgrHookEventType event, FmgrInfo* flinfo, Datum* slot) {
  const void* here = __builtin_dwarf_cfa();
  AnyEvent(event, flinfo, slot, here);
}

// The common cases, in which no function is called and so no register has to be saved: on the way
// of every call, instructions count. What is none of them goes to OtherEvent().
static void FmgrHook(FmgrHookEventType event, FmgrInfo* flinfo, Datum* slot) {
  const void* here = __builtin_dwarf_cfa();
  if (event == FHET_START) [[likely]] {
    FunctionRef* ref = FunctionRefAt(*slot, flinfo->fn_oid);
    if (ref != nullptr && IsReady(ref) && call_stack.TryBegin(flinfo, ref, here)) [[likely]] {
      call_path.unwinding = false;
      return;
    }
  } else if (event == FHET_END && !flinfo->fn_retset && call_stack.IsQuick()) [[likely]] {
    // First of all, because the CPU reads its counter only when it has done what stands before:
    // what stands behind is done while the caller goes on.
    const std::uint64_t now = call_stack.QuickNow();
    FunctionRef* ref = call_stack.Ending(flinfo);
    shared::PendingCounters* entry = ref != nullptr ? PendingStats::EntryOf(*ref) : nullptr;
    if (entry != nullptr) [[likely]] {
      call_path.unwinding = false;
      pending_stats.RecordInEntry(*ref, entry, call_stack.EndAt(*ref, now));
      return;
    }
  }
  OtherEvent(event, flinfo, slot, here);
}

}  // extern "C"

}  // namespace

void InstallFmgrHooks() {
  // Backends are forked from here, so their stacks have the same base, somewhat above this frame.
  constexpr std::ptrdiff_t kAbove = 1024 * 1024;
  stack_base = static_cast<const char*>(__builtin_frame_address(0)) + kAbove;
  InstallHooks(NeedsFmgrHook, FmgrHook, ChainedFmgrHook);
  previous_emit_log_hook = emit_log_hook;
  emit_log_hook = RememberFatal;
}

}  // namespace pg_hello::pg
