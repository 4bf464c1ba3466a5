// Everything that happens between the moment a function is first met in this backend and the moment
// its call sites can count by themselves.
#include "pg/function_refs.h"

#include <bit>
#include <cstring>

#include "pg/call_path.h"
#include "pg/catalog_changes.h"
#include "pg/contained.h"
#include "pg/function_names.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg/tracking_rules.h"

extern "C" {
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

using pending::FunctionRef;
using pending::Verdict;

namespace {

// Refs in use, free ones among them included.
std::uint32_t refs_used = 0;

// Refs for functions that are met but not tracked, beyond those that have rows.
constexpr std::uint32_t kSpareRefs = 4096;

MemoryContext refs_context = nullptr;

void* AllocateOrNull(Size bytes, int flags) {
  if (refs_context == nullptr) {
    refs_context =
        AllocSetContextCreate(TopMemoryContext, "pg_hello functions", ALLOCSET_SMALL_SIZES);
  }
  void* memory =
      MemoryContextAllocExtended(refs_context, bytes, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE | flags);
  if (memory == nullptr) {
    CountInternalError(ERRCODE_OUT_OF_MEMORY);
  }
  return memory;
}

std::uint32_t* PlaceOf(const RefIndex& index, Oid function) {
  std::uint32_t i = HomeOf(function, index.shift);
  while (index.places[i] != 0 && call_path.refs[index.places[i] - 1].funcid != function) {
    i = (i + 1) & index.mask;
  }
  return &index.places[i];
}

std::size_t IndexBytes(const RefIndex& index) {
  return (std::size_t{index.mask} + 1) * sizeof(std::uint32_t);
}

// Room for one more, at no more than half full.
bool GrowIndex() {
  const RefIndex& present = call_path.index;
  if (present.places != nullptr && (refs_used + 1) * 2 <= present.mask + 1) {
    return true;
  }
  RefIndex grown{nullptr, 63, 32 - 6};
  if (present.places != nullptr) {
    grown = {nullptr, present.mask * 2 + 1, present.shift - 1};
  }
  grown.places = static_cast<std::uint32_t*>(AllocateOrNull(IndexBytes(grown), MCXT_ALLOC_ZERO));
  if (grown.places == nullptr) {
    return false;
  }
  for (std::uint32_t i = 0; i < refs_used; ++i) {
    *PlaceOf(grown, call_path.refs[i].funcid) = i + 1;
  }
  if (present.places != nullptr) {
    pfree(present.places);
  }
  call_path.index = grown;
  return true;
}

Verdict Judge(Oid function) {
  if (settings.track == kTrackNone || function < kFirstUserFunction) {
    return Verdict::kUntracked;
  }
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(procedure)) {
    return Verdict::kUntracked;
  }
  const bool wanted = RuleFor(procedure) == Rule::kTracked;
  ReleaseSysCache(procedure);
  return wanted ? Verdict::kWanted : Verdict::kUntracked;
}

// Null if there is no room, or if the function is gone.
shared::FunctionRow* FindOrInsertRow(const NamedFunction& named, bool* gone) {
  *gone = false;
  {
    const TableLock lock(LW_SHARED);
    shared::FunctionRow* row = shared_stats->Find(named.key);
    if (row != nullptr && shared_stats->HasIdentity(*row, named.identity)) {
      return row;
    }
  }
  shared::FunctionRow* made;
  {
    const TableLock lock(LW_EXCLUSIVE);
    made = shared_stats->FindOrInsert(named.key, named.identity, UnixTimeUs());
  }
  // Whoever drops the function takes its row away when all have been sent the news. If that was
  // just before this row was made, the news is there now; if not, the row will be found.
  if (made != nullptr && OidIsValid(named.key.funcid)) {
    AcceptInvalidationMessages();
    *gone = !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(named.key.funcid));
    if (*gone) {
      RemoveFunctionRow(named.key.dbid, named.key.funcid);
      return nullptr;
    }
  }
  return made;
}

// The row was taken away, and is perhaps another function's by now.
bool HasLostRow(const FunctionRef& ref) {
  return ref.row != nullptr &&
         (ref.row->live.load(std::memory_order_acquire) == 0 || !(ref.row->Key() == ref.row_key));
}

// The function was dropped. Until this backend hears of it, it can go on calling the function by
// what its caches say, and must not be kept from that: to listen for the news now would make the
// call fail.
void LoseRow(FunctionRef* ref) {
  ref->ready = 0;
  ref->verdict = Verdict::kUntracked;
  ref->row = nullptr;
  ref->pending = nullptr;
}

// Makes a wanted function's row if it has none, and finds it.
void FindRow(FunctionRef* ref) {
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(ref->funcid));
  if (!HeapTupleIsValid(procedure)) {
    LoseRow(ref);
    return;
  }
  NamedFunction named;
  NameFunction(procedure, &named);
  ReleaseSysCache(procedure);

  const std::uint32_t vacancies = shared_stats->vacancies();
  bool gone;
  shared::FunctionRow* row = FindOrInsertRow(named, &gone);
  if (gone) {
    LoseRow(ref);
    return;
  }
  const std::uint32_t epoch =
      row != nullptr ? row->epoch.load(std::memory_order_acquire) : vacancies;
  if (row != ref->row || epoch != ref->epoch) {
    ref->pending = nullptr;
    ref->misses = 0;
  }
  ref->row = row;
  ref->row_key = named.key;
  ref->epoch = epoch;
  if (row != nullptr) {
    ref->row_epoch = shared::MakeRowEpoch(shared_stats->RowNumber(*row), epoch);
    ref->verdict = Verdict::kTracked;
    // 0 if news of the function came meanwhile.
    ref->ready = ref->generation;
  } else {
    ref->row_epoch = 0;
    ref->verdict = Verdict::kOverflow;
  }
}

// The refs that are free again, by their funcid of 0; `epoch` is the next one's number + 1.
std::uint32_t first_free_ref = 0;

// Counts what could make refs free.
std::uint32_t procedure_changes = 0;

// A session that makes and drops functions without end meets more of them than there can be refs:
// takes back those of functions that are gone and not running.
void ReclaimRefs() {
  static std::uint32_t changes_seen = 0;
  if (changes_seen == procedure_changes) {
    return;
  }
  changes_seen = procedure_changes;
  for (std::uint32_t i = 0; i < refs_used; ++i) {
    FunctionRef& ref = call_path.refs[i];
    const bool gone = ref.funcid != 0 && ref.generation == 0 && ref.active == 0 &&
                      !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(ref.funcid));
    if (gone) {
      ref = FunctionRef{};
      ref.epoch = first_free_ref;
      first_free_ref = i + 1;
    }
  }
  // Made anew after the look-ups, which can fail; until then it leads to free refs too, and their
  // oid is that of no function.
  std::memset(call_path.index.places, 0, IndexBytes(call_path.index));
  for (std::uint32_t i = 0; i < refs_used; ++i) {
    if (const Oid funcid = call_path.refs[i].funcid; funcid != 0) {
      *PlaceOf(call_path.index, funcid) = i + 1;
    }
  }
}

// A ref for a new function, or null if there is none to be had.
FunctionRef* TakeRef() {
  if (first_free_ref == 0 && refs_used == RefCapacity()) {
    ReclaimRefs();
  }
  if (first_free_ref != 0) {
    FunctionRef* ref = &call_path.refs[first_free_ref - 1];
    first_free_ref = ref->epoch;
    return ref;
  }
  if (refs_used < RefCapacity() && GrowIndex()) {
    call_path.refs_bytes += sizeof(FunctionRef);
    return &call_path.refs[refs_used++];
  }
  return nullptr;
}

extern "C" {

static void ProcedureChanged(Datum, int, uint32 hash) {
  ++procedure_changes;
  for (std::uint32_t i = 0; i < refs_used; ++i) {
    FunctionRef& ref = call_path.refs[i];
    if (hash == 0 || ref.syscache_hash == hash) {
      ref.generation = 0;
      ref.ready = 0;
    }
  }
}

static void NamespaceChanged(Datum, int, uint32) { ++call_path.generation; }

}  // extern "C"

}  // namespace

std::uint32_t RefCapacity() {
  return static_cast<std::uint32_t>(settings.max_functions) + kSpareRefs;
}

std::uint32_t IndexCapacity() { return std::bit_ceil(2 * RefCapacity()); }

FunctionRef* FindOrMakeRef(Oid function) {
  if (FunctionRef* known = FindRef(function)) {
    return known;
  }
  if (call_path.refs == nullptr) {
    void* memory = AllocateOrNull((RefCapacity() + 1) * sizeof(FunctionRef), 0);
    call_path.refs = static_cast<FunctionRef*>(reinterpret_cast<void*>(
        TYPEALIGN(alignof(FunctionRef), reinterpret_cast<std::uintptr_t>(memory))));
  }
  if (call_path.refs == nullptr) {
    return nullptr;
  }
  // Before a ref is taken: it can fail.
  const uint32 hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
  FunctionRef* ref = TakeRef();
  if (ref != nullptr) {
    *ref = FunctionRef{};
    ref->funcid = function;
    ref->syscache_hash = hash;
    *PlaceOf(call_path.index, function) = static_cast<std::uint32_t>(ref - call_path.refs) + 1;
  }
  return ref;
}

bool WantsTracking(Oid function) { return Judge(function) != Verdict::kUntracked; }

bool IsTracked(FunctionRef* ref) {
  if (ref->generation != call_path.generation) {
    if (HasLostRow(*ref)) {
      LoseRow(ref);
    }
    // Before the look-ups: if they bring news of the function, the verdict is stale at once.
    ref->generation = call_path.generation;
    ref->ready = 0;
    ref->verdict = Judge(ref->funcid);
  }
  return ref->verdict != Verdict::kUntracked;
}

bool IsPrepared(const FunctionRef* ref) {
  if (HasLostRow(*ref) || ref->generation != call_path.generation) {
    return false;
  }
  return ref->verdict == Verdict::kUntracked ||
         (ref->verdict == Verdict::kTracked && ref->ready == call_path.generation &&
          ref->row->epoch.load(std::memory_order_relaxed) == ref->epoch) ||
         (ref->verdict == Verdict::kOverflow && ref->epoch == shared_stats->vacancies());
}

void PrepareRef(FunctionRef* ref) {
  if (HasLostRow(*ref)) {
    LoseRow(ref);
  }
  if (IsTracked(ref) && !IsPrepared(ref)) {
    FindRow(ref);
  }
}

void DistrustRef(FunctionRef* ref) {
  if (ref != nullptr) {
    ref->generation = 0;
    ref->ready = 0;
  }
}

void WatchCatalogs() {
  CacheRegisterSyscacheCallback(PROCOID, ProcedureChanged, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, NamespaceChanged, Datum{0});
}

}  // namespace pg_hello::pg
