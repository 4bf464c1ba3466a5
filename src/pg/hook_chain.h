// Living with other users of fmgr_hook.
//
// Each FmgrInfo that is hooked has one Datum for all of them. The custom (sepgsql's,
// plpgsql_check's) is that each keeps a struct of its own there and hands a Datum inside it to the
// next. Not everyone keeps to it, so what stands in the Datum is ours only if it points into one of
// our arrays; anything else is somebody else's and is neither followed nor overwritten.
//
// Alone, we need nothing per call site and keep the function's ref in the Datum. With a hook behind
// us, a ChainLink holds the ref and the other's Datum.
#ifndef PG_HELLO_PG_HOOK_CHAIN_H
#define PG_HELLO_PG_HOOK_CHAIN_H

#include <cstddef>
#include <cstdint>

#include "pg/call_path.h"
#include "pg/pg.h"

namespace pg_hello::pg {

struct ChainLink {
  pending::FunctionRef* ref;
  Datum next_private;
  ChainLink* next_free;
  MemoryContextCallback when_reset;
};

// What is known of the call site of an event.
struct CallSite {
  pending::FunctionRef* ref;  // null: not known yet
  Datum* next_private;        // for the hook behind us
  ChainLink* link;            // null: none
};

extern needs_fmgr_hook_type previous_needs_hook;
extern fmgr_hook_type previous_hook;

void InstallHookChain(needs_fmgr_hook_type needs, fmgr_hook_type hook);

inline bool PreviousNeedsHook(Oid function) {
  return previous_needs_hook != nullptr && previous_needs_hook(function);
}

inline void PreviousHook(FmgrHookEventType event, FmgrInfo* flinfo, const CallSite& site) {
  if (previous_hook != nullptr) {
    previous_hook(event, flinfo, site.next_private);
  }
}

// The link in `slot`, or a new one if the slot is free and there is one to be had. Raises no error.
ChainLink* FindOrMakeLink(FmgrInfo* flinfo, Datum* slot);

inline CallSite OpenCallSite(FmgrInfo* flinfo, Datum* slot) {
  if (!call_path.chained) {
    return {FunctionRefAt(*slot, flinfo->fn_oid), nullptr, nullptr};
  }
  ChainLink* link = FindOrMakeLink(flinfo, slot);
  if (link == nullptr) {
    return {nullptr, slot, nullptr};
  }
  return {link->ref, &link->next_private, link};
}

// Keeps what has been found out about the site.
inline void CloseCallSite(const CallSite& site, Datum* slot) {
  if (site.link != nullptr) {
    site.link->ref = site.ref;
  } else if (!call_path.chained && *slot == Datum{0}) {
    *slot = PointerGetDatum(site.ref);
  }
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_HOOK_CHAIN_H
