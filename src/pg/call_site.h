// A call site (an FmgrInfo) between the events of its calls, and the other users of fmgr_hook.
//
// Each FmgrInfo that is hooked has one Datum for all of the hook's users. The custom (sepgsql's,
// plpgsql_check's) is that each keeps a struct of its own there and hands a Datum inside it to the
// next. Not everyone keeps to it, so what stands in the Datum is ours only if it points into one of
// our arrays; anything else is somebody else's and is neither followed nor overwritten.
//
// Most sites need nothing of their own: the function's ref stands in the Datum. A site has a
// CallSite if another library uses the hook behind us, or if its function returns sets.
#ifndef PG_HELLO_PG_CALL_SITE_H
#define PG_HELLO_PG_CALL_SITE_H

#include <cstddef>
#include <cstdint>

#include "pg/call_path.h"
#include "pg/pg.h"
#include "pg_hello/shared/counters.h"

extern "C" {
#include "nodes/execnodes.h"
}

namespace pg_hello::pg {

// A set-returning call in progress: one call as the user wrote it, though the function is entered
// once for each row. Belongs to set_calls.cpp.
struct OpenSet {
  PGFunction function;   // the real one; null: the site is not prepared for sets
  ExprContext* watched;  // tells when the set is abandoned; null: none
  shared::CallSample so_far;
  std::uint64_t entries;
  bool open;
  bool entered;  // tracked: the function has been entered and will be left
  bool more;     // what the function said when it was last entered
};

struct CallSite {
  FmgrInfo* flinfo;
  pending::FunctionRef* ref;  // null: not known yet
  Datum next_private;         // for the hook behind us
  OpenSet set;
  CallSite* next_free;
  MemoryContextCallback when_reset;
};

// Sites that can be alive at the same time in one backend. For more than these, functions are
// looked up by oid at each call, and a set counts as one call for each row.
inline constexpr std::size_t kMaxCallSites = 16384;

extern needs_fmgr_hook_type previous_needs_hook;
extern fmgr_hook_type previous_hook;

// Puts our hooks in front of those of others: `chained` if another library uses fmgr_hook behind
// us, else `alone`.
void InstallHooks(needs_fmgr_hook_type needs, fmgr_hook_type alone, fmgr_hook_type chained);

// The site that `slot` points to, or null.
CallSite* CallSiteAt(Datum slot);

// The same; if the slot is free, a new one that lives as long as the FmgrInfo, if there is one to
// be had. Raises no error.
CallSite* FindOrMakeCallSite(FmgrInfo* flinfo, Datum* slot);

// The site of an FmgrInfo that is known to have one. Slow.
CallSite* CallSiteOf(const FmgrInfo* flinfo);

// What the hook behind us is to be given as its own.
inline Datum* NextPrivate(CallSite* site, Datum* slot) {
  return site != nullptr ? &site->next_private : slot;
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_CALL_SITE_H
