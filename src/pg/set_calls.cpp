// The hook sees a set-returning function entered and left once for each row, and is not told
// whether there are more: that stands in the ReturnSetInfo, which it is not given. So the site's
// function is replaced by a trampoline, which is given it. A set ends when the function says so;
// when the executor shuts its expression down (LIMIT, a rescan, a cursor that is closed); or, after
// an error, when the site's memory goes.
#include "pg/set_calls.h"

#include "pg/backend_stats.h"
#include "pg/contained.h"

extern "C" {
#include "utils/memutils.h"
}

namespace pg_hello::pg {

namespace {

// The site whose function is entered just now, as EnterSet() found it.
CallSite* entering = nullptr;

CallSite* EnteredSite(const FmgrInfo* flinfo) {
  return entering != nullptr && entering->flinfo == flinfo ? entering : CallSiteOf(flinfo);
}

extern "C" {

static void ExpressionShutDown(Datum argument) {
  auto* site = reinterpret_cast<CallSite*>(DatumGetPointer(argument));
  site->set.watched = nullptr;
  FinishSet(site);
}

// As RegisterExprContextCallback(), but without memory the set is just not watched: it then ends
// with the site's memory.
static void Watch(ExprContext* context, CallSite* site) {
  auto* callback = static_cast<ExprContext_CB*>(MemoryContextAllocExtended(
      context->ecxt_per_query_memory, sizeof(ExprContext_CB), MCXT_ALLOC_NO_OOM));
  if (callback != nullptr) {
    *callback = {context->ecxt_callbacks, ExpressionShutDown, PointerGetDatum(site)};
    context->ecxt_callbacks = callback;
    site->set.watched = context;
  } else {
    CountInternalError(ERRCODE_OUT_OF_MEMORY);
  }
}

static Datum Trampoline(PG_FUNCTION_ARGS) {
  CallSite* site = EnteredSite(fcinfo->flinfo);
  OpenSet& set = site->set;
  const bool tracked = set.entered;
  set.entered = false;
  const Datum result = set.function(fcinfo);

  auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  set.more = info != nullptr && IsA(info, ReturnSetInfo) && info->returnMode == SFRM_ValuePerCall &&
             info->isDone == ExprMultipleResult;
  if (set.more && info->econtext != nullptr && set.watched != info->econtext) {
    Watch(info->econtext, site);
  }
  if (!tracked && !set.more) {
    FinishSet(site);  // tracking was switched off while the set was open
  }
  return result;
}

}  // extern "C"

}  // namespace

void EnterSet(CallSite* site) {
  OpenSet& set = site->set;
  if (set.function == nullptr) {
    set.function = site->flinfo->fn_addr;
    site->flinfo->fn_addr = Trampoline;
  }
  set.more = false;
  set.entered = true;
  entering = site;
}

void LeaveSet(CallSite* site, const shared::CallSample& sample, bool failed) {
  OpenSet& set = site->set;
  if (!set.open) {
    set.open = true;
    set.entries = 0;
    set.so_far = {0, 0, sample.outermost};
  }
  ++set.entries;
  set.so_far.elapsed_ns += sample.elapsed_ns;
  set.so_far.self_ns += sample.self_ns;
  if (failed || !set.more) {
    FinishSet(site);
  }
}

void FinishSet(CallSite* site) {
  OpenSet& set = site->set;
  if (!set.open) {
    return;
  }
  set.open = false;
  // The ref is another function's by now if this one was dropped while its set was open.
  if (site->ref != nullptr && site->ref->funcid == site->flinfo->fn_oid) {
    pending_stats.Record(*site->ref, set.so_far);
    pending_stats.RecordIterations(*site->ref, set.entries);
  }
}

}  // namespace pg_hello::pg
