// Everything that happens between the moment a function is first met in this backend and the moment
// its call sites can count by themselves.
#include "pg/function_refs.h"

#include "pg/function_names.h"
#include "pg/inlining.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "common/hashfn.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

using pending::FunctionRef;
using pending::Verdict;

FunctionRefs function_refs;

namespace {

// Refs for functions that are met but not tracked, beyond those that have rows.
constexpr std::uint32_t kSpareRefs = 4096;

// Open addressing; an element is a ref's number + 1, 0 is empty. Grows by doubling.
struct RefIndex {
  std::uint32_t* places;
  std::uint32_t size;
};
RefIndex ref_index;

MemoryContext refs_context = nullptr;

std::uint32_t Capacity() { return static_cast<std::uint32_t>(settings.max_functions) + kSpareRefs; }

void* AllocateOrNull(Size bytes, int flags) {
  if (refs_context == nullptr) {
    refs_context =
        AllocSetContextCreate(TopMemoryContext, "pg_hello functions", ALLOCSET_SMALL_SIZES);
  }
  return MemoryContextAllocExtended(refs_context, bytes,
                                    MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE | flags);
}

std::uint32_t* PlaceOf(const RefIndex& index, Oid function) {
  const std::uint32_t mask = index.size - 1;
  std::uint32_t i = murmurhash32(function) & mask;
  while (index.places[i] != 0 && function_refs.base[index.places[i] - 1].funcid != function) {
    i = (i + 1) & mask;
  }
  return &index.places[i];
}

// Room for one more, at no more than half full.
bool GrowIndex() {
  if ((function_refs.used + 1) * 2 <= ref_index.size) {
    return true;
  }
  RefIndex grown{nullptr, ref_index.size == 0 ? 64 : ref_index.size * 2};
  grown.places = static_cast<std::uint32_t*>(
      AllocateOrNull(grown.size * sizeof(std::uint32_t), MCXT_ALLOC_ZERO));
  if (grown.places == nullptr) {
    return false;
  }
  for (std::uint32_t i = 0; i < function_refs.used; ++i) {
    *PlaceOf(grown, function_refs.base[i].funcid) = i + 1;
  }
  if (ref_index.places != nullptr) {
    pfree(ref_index.places);
  }
  ref_index = grown;
  return true;
}

bool IsProceduralLanguage(Oid language) {
  return language != INTERNALlanguageId && language != ClanguageId && language != SQLlanguageId;
}

bool WantsTracking(HeapTuple procedure) {
  auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure));
  switch (settings.track) {
    case kTrackNone:
      return false;
    case kTrackOwn:
      return IsOwnFunction(form->oid);
    case kTrackPl:
      return IsProceduralLanguage(form->prolang) || IsOwnFunction(form->oid);
    default:
      return form->prolang != SQLlanguageId || settings.track_inlinable || !MayBeInlined(procedure);
  }
}

Verdict Judge(Oid function) {
  if (settings.track == kTrackNone || function < kFirstUserFunction) {
    return Verdict::kUntracked;
  }
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(procedure)) {
    return Verdict::kUntracked;
  }
  const bool wanted = WantsTracking(procedure);
  ReleaseSysCache(procedure);
  return wanted ? Verdict::kWanted : Verdict::kUntracked;
}

shared::FunctionRow* FindOrInsertRow(const NamedFunction& named) {
  {
    const TableLock lock(LW_SHARED);
    shared::FunctionRow* row = shared_stats->Find(named.key);
    if (row != nullptr && shared_stats->HasIdentity(*row, named.identity)) {
      return row;
    }
  }
  const TableLock lock(LW_EXCLUSIVE);
  return shared_stats->FindOrInsert(named.key, named.identity, UnixTimeUs());
}

// Makes a wanted function's row if it has none, and finds it.
void FindRow(FunctionRef* ref) {
  HeapTuple procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(ref->funcid));
  if (!HeapTupleIsValid(procedure)) {
    ref->verdict = Verdict::kUntracked;
    return;
  }
  NamedFunction named;
  NameFunction(procedure, &named);
  ReleaseSysCache(procedure);

  const std::uint32_t vacancies = shared_stats->vacancies();
  shared::FunctionRow* row = FindOrInsertRow(named);
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

extern "C" {

static void ProcedureChanged(Datum, int, uint32 hash) {
  for (std::uint32_t i = 0; i < function_refs.used; ++i) {
    FunctionRef& ref = function_refs.base[i];
    if (hash == 0 || ref.syscache_hash == hash) {
      ref.generation = 0;
      ref.ready = 0;
    }
  }
}

static void NamespaceChanged(Datum, int, uint32) { ++tracking_generation; }

}  // extern "C"

}  // namespace

FunctionRef* FindOrMakeRef(Oid function) {
  if (ref_index.size > 0) {
    const std::uint32_t number = *PlaceOf(ref_index, function);
    if (number != 0) {
      return &function_refs.base[number - 1];
    }
  }
  if (function_refs.base == nullptr) {
    void* memory = AllocateOrNull((Capacity() + 1) * sizeof(FunctionRef), 0);
    function_refs.base = static_cast<FunctionRef*>(reinterpret_cast<void*>(
        TYPEALIGN(alignof(FunctionRef), reinterpret_cast<std::uintptr_t>(memory))));
  }
  if (function_refs.base == nullptr || function_refs.used == Capacity() || !GrowIndex()) {
    return nullptr;
  }
  FunctionRef* ref = &function_refs.base[function_refs.used];
  *ref = FunctionRef{};
  ref->funcid = function;
  ref->syscache_hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
  *PlaceOf(ref_index, function) = ++function_refs.used;
  return ref;
}

bool IsTracked(FunctionRef* ref) {
  if (ref->generation != tracking_generation || ref->verdict == Verdict::kUnknown) {
    // Before the look-ups: if they bring news of the function, the verdict is stale at once.
    ref->generation = tracking_generation;
    ref->ready = 0;
    ref->verdict = Judge(ref->funcid);
  }
  return ref->verdict != Verdict::kUntracked;
}

void PrepareRef(FunctionRef* ref) {
  if (!IsTracked(ref)) {
    return;
  }
  const bool current =
      (ref->verdict == Verdict::kTracked && ref->ready == tracking_generation &&
       ref->row->epoch.load(std::memory_order_relaxed) == ref->epoch) ||
      (ref->verdict == Verdict::kOverflow && ref->epoch == shared_stats->vacancies());
  if (!current) {
    FindRow(ref);
  }
}

void WatchCatalogs() {
  CacheRegisterSyscacheCallback(PROCOID, ProcedureChanged, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, NamespaceChanged, Datum{0});
}

}  // namespace pg_hello::pg
