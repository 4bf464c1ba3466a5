// The links: taken when a call site is first used, given back when its memory goes.
#include "pg/hook_chain.h"

extern "C" {
#include "utils/memutils.h"
}

namespace pg_hello::pg {

needs_fmgr_hook_type previous_needs_hook = nullptr;
fmgr_hook_type previous_hook = nullptr;

namespace {

// Hooked call sites that can be alive at the same time in one backend while another library uses
// the hook as well. For more than these, functions are looked up by oid at each call.
constexpr std::size_t kLinks = 16384;

struct LinkPool {
  ChainLink* base;
  std::size_t used;
  ChainLink* free;
};
LinkPool pool;

bool IsLink(std::uintptr_t value) {
  const std::uintptr_t offset = value - reinterpret_cast<std::uintptr_t>(pool.base);
  return offset < pool.used * sizeof(ChainLink) && offset % sizeof(ChainLink) == 0;
}

extern "C" {

static void GiveBack(void* argument) {
  auto* link = static_cast<ChainLink*>(argument);
  link->next_free = pool.free;
  pool.free = link;
}

}  // extern "C"

ChainLink* TakeLink() {
  if (pool.free != nullptr) {
    ChainLink* link = pool.free;
    pool.free = link->next_free;
    return link;
  }
  if (pool.base == nullptr) {
    // Not zeroed: of an array this large, only the pages that are used ever exist.
    pool.base = static_cast<ChainLink*>(MemoryContextAllocExtended(
        TopMemoryContext, kLinks * sizeof(ChainLink), MCXT_ALLOC_NO_OOM));
  }
  if (pool.base == nullptr || pool.used == kLinks) {
    return nullptr;
  }
  return &pool.base[pool.used++];
}

}  // namespace

void InstallHookChain(needs_fmgr_hook_type needs, fmgr_hook_type hook) {
  previous_needs_hook = needs_fmgr_hook;
  needs_fmgr_hook = needs;
  previous_hook = fmgr_hook;
  call_path.chained = previous_hook != nullptr;
  fmgr_hook = hook;
}

ChainLink* FindOrMakeLink(FmgrInfo* flinfo, Datum* slot) {
  if (IsLink(*slot)) {
    return reinterpret_cast<ChainLink*>(*slot);
  }
  if (*slot != Datum{0}) {
    return nullptr;
  }
  ChainLink* link = TakeLink();
  if (link != nullptr) {
    *link = ChainLink{};
    link->when_reset.func = GiveBack;
    link->when_reset.arg = link;
    MemoryContextRegisterResetCallback(flinfo->fn_mcxt, &link->when_reset);
    *slot = PointerGetDatum(link);
  }
  return link;
}

}  // namespace pg_hello::pg
