// The array of call sites: taken when a site is first used, given back when its memory goes.
#include "pg/call_site.h"

#include "pg/contained.h"
#include "pg/set_calls.h"

extern "C" {
#include "utils/memutils.h"
}

namespace pg_hello::pg {

needs_fmgr_hook_type previous_needs_hook = nullptr;
fmgr_hook_type previous_hook = nullptr;

namespace {

struct SitePool {
  CallSite* base;
  std::size_t used;
  CallSite* free;
};
SitePool pool;

extern "C" {

static void GiveBack(void* argument) {
  auto* site = static_cast<CallSite*>(argument);
  FinishSet(site);
  site->flinfo = nullptr;
  site->next_free = pool.free;
  pool.free = site;
}

}  // extern "C"

CallSite* TakeSite() {
  if (pool.free != nullptr) {
    CallSite* site = pool.free;
    pool.free = site->next_free;
    return site;
  }
  if (pool.base == nullptr) {
    // Not zeroed: of an array this large, only the pages that are used ever exist.
    pool.base = static_cast<CallSite*>(MemoryContextAllocExtended(
        TopMemoryContext, kMaxCallSites * sizeof(CallSite), MCXT_ALLOC_NO_OOM));
    if (pool.base == nullptr) {
      CountInternalError(ERRCODE_OUT_OF_MEMORY);
    }
  }
  if (pool.base == nullptr || pool.used == kMaxCallSites) {
    return nullptr;
  }
  return &pool.base[pool.used++];
}

}  // namespace

void InstallHooks(needs_fmgr_hook_type needs, fmgr_hook_type alone, fmgr_hook_type chained) {
  previous_needs_hook = needs_fmgr_hook;
  needs_fmgr_hook = needs;
  previous_hook = fmgr_hook;
  fmgr_hook = previous_hook != nullptr ? chained : alone;
}

CallSite* CallSiteAt(Datum slot) {
  const std::uintptr_t offset = slot - reinterpret_cast<std::uintptr_t>(pool.base);
  const bool ours = offset < pool.used * sizeof(CallSite) && offset % sizeof(CallSite) == 0;
  return ours ? reinterpret_cast<CallSite*>(slot) : nullptr;
}

CallSite* FindOrMakeCallSite(FmgrInfo* flinfo, Datum* slot) {
  if (CallSite* known = CallSiteAt(*slot)) {
    return known;
  }
  if (*slot != Datum{0}) {
    return nullptr;
  }
  CallSite* site = TakeSite();
  if (site != nullptr) {
    *site = CallSite{};
    site->flinfo = flinfo;
    site->when_reset.func = GiveBack;
    site->when_reset.arg = site;
    MemoryContextRegisterResetCallback(flinfo->fn_mcxt, &site->when_reset);
    *slot = PointerGetDatum(site);
  }
  return site;
}

CallSite* CallSiteOf(const FmgrInfo* flinfo) {
  for (std::size_t i = 0; i < pool.used; ++i) {
    if (pool.base[i].flinfo == flinfo) {
      return &pool.base[i];
    }
  }
  return nullptr;
}

}  // namespace pg_hello::pg
