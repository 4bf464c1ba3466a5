// One backend's counters on their way into shared memory: which of the slot's entries hold which
// function, and what happens when there are more functions than entries.
//
// A function's first call takes a free entry. When none is free, calls are added to the shared row
// directly (atomic additions: correct, a little dearer, and dear only when many backends do it to
// the same function at once); one call in kPromoteEvery pushes the entry that has been there
// longest out into its row and takes its place, so a function that is called often gets an entry
// soon. Entries of an earlier backend in the same slot are taken over as they are.
//
// Nothing here allocates, locks, waits or fails. Only the backend's main thread may call it.
#ifndef PG_HELLO_PENDING_PENDING_STATS_H
#define PG_HELLO_PENDING_PENDING_STATS_H

#include <array>
#include <cstddef>
#include <cstdint>

#include "pg_hello/pending/function_ref.h"
#include "pg_hello/shared/counters.h"
#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::pending {

// Pushing an entry out takes as long as many calls: with more functions in turn than entries,
// often enough to follow the load, and rarely enough not to be noticed.
inline constexpr std::uint32_t kPromoteEvery = 256;

class PendingStats {
 public:
  // Ready for use in this process. `database` counts the calls that find no row. All must outlive
  // this object.
  void Attach(shared::SharedStats* stats, shared::BackendSlot* slot, shared::DatabaseRow* database);

  // A call has ended.
  void Record(FunctionRef& ref, const shared::CallSample& sample) {
    if (shared::PendingCounters* entry = EntryOf(ref)) [[likely]] {
      RecordInEntry(ref, entry, sample);
    } else {
      RecordElsewhere(ref, sample);
    }
  }

  // The two parts of the common case. Null if it is not.
  [[gnu::always_inline]] static shared::PendingCounters* EntryOf(const FunctionRef& ref) {
    return ref.row != nullptr && ref.row->epoch.load(std::memory_order_relaxed) == ref.epoch
               ? ref.pending
               : nullptr;
  }
  // REQUIRES: EntryOf(ref) has just returned `entry`, not null.
  [[gnu::always_inline]] void RecordInEntry(FunctionRef& ref, shared::PendingCounters* entry,
                                            const shared::CallSample& sample) {
    if (entry->Record(sample)) [[unlikely]] {
      Unload(ref);
    }
  }

  // A call has ended (or begun too deep in the stack, for kUntimed) in a way that is rare.
  void RecordError(FunctionRef& ref, bool canceled);
  void RecordErrorOrigin(FunctionRef& ref, std::uint32_t sqlstate_class);
  void RecordUntimed(FunctionRef& ref);
  // Entries into a set-returning function for one call that has been recorded.
  void RecordIterations(FunctionRef& ref, std::uint64_t entries);
  // A call of a function for which there is no room at all.
  void RecordOverflow();

  // From now on `observer` is told of each call of a function with a row, once, when it is
  // recorded; null: nobody is. As no function has an entry meanwhile, this costs nothing where it
  // is not used.
  using Observer = void (*)(FunctionRef&);
  void Observe(Observer observer);

 private:
  void RecordElsewhere(FunctionRef& ref, const shared::CallSample& sample);
  void CountOverflow(const FunctionRef& ref);
  shared::RowCounters* CountersOf(FunctionRef& ref);
  bool Renew(FunctionRef& ref);
  void TakeEntry(FunctionRef& ref, bool may_evict);
  void Hold(std::size_t entry, FunctionRef& ref);
  bool Evict(std::size_t entry);
  void Unload(FunctionRef& ref);

  shared::SharedStats* stats_ = nullptr;
  shared::BackendSlot* slot_ = nullptr;
  shared::DatabaseRow* database_ = nullptr;
  std::size_t next_victim_ = 0;
  Observer observer_ = nullptr;
  // Whose entries they are in this process. Refs are never freed or moved.
  std::array<FunctionRef*, shared::kPendingEntries> holder_ = {};
};

}  // namespace pg_hello::pending

#endif  // PG_HELLO_PENDING_PENDING_STATS_H
