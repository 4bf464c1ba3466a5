// The rare half of counting: a function's first call, a full slot, a reset. The common half is
// inline in the header.
#include "pg_hello/pending/pending_stats.h"

namespace pg_hello::pending {

using shared::MakeRowEpoch;
using shared::RowEpoch;

void PendingStats::Attach(shared::SharedStats* stats, shared::BackendSlot* slot,
                          shared::DatabaseRow* database) {
  stats_ = stats;
  slot_ = slot;
  database_ = database;
  next_victim_ = 0;
  holder_.fill(nullptr);
}

void PendingStats::RecordElsewhere(FunctionRef& ref, const shared::CallSample& sample) {
  CountOverflow(ref);
  shared::RowCounters* counters = CountersOf(ref);
  if (counters == nullptr) {
    return;
  }
  if (observer_ != nullptr) {
    counters->Record(sample);
    observer_(ref);
    return;
  }
  if (ref.pending == nullptr && ref.misses++ % kPromoteEvery == 0) {
    TakeEntry(ref, /*may_evict=*/ref.misses > 1);
  }
  if (ref.pending != nullptr) {
    ref.pending->Record(sample);
  } else {
    counters->Record(sample);
  }
}

void PendingStats::RecordError(FunctionRef& ref, bool canceled) {
  if (shared::RowCounters* counters = CountersOf(ref)) {
    counters->errors.fetch_add(1, std::memory_order_relaxed);
    if (canceled) {
      counters->canceled.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void PendingStats::RecordErrorOrigin(FunctionRef& ref, std::uint32_t sqlstate_class) {
  if (shared::RowCounters* counters = CountersOf(ref)) {
    counters->error_origins.Add(sqlstate_class);
  }
}

void PendingStats::RecordIterations(FunctionRef& ref, std::uint64_t entries) {
  if (shared::RowCounters* counters = CountersOf(ref)) {
    counters->iterations.fetch_add(entries, std::memory_order_relaxed);
  }
}

void PendingStats::RecordUntimed(FunctionRef& ref) {
  CountOverflow(ref);
  if (shared::RowCounters* counters = CountersOf(ref)) {
    counters->untimed.fetch_add(1, std::memory_order_relaxed);
    if (observer_ != nullptr) {
      observer_(ref);
    }
  }
}

void PendingStats::Observe(Observer observer) {
  observer_ = observer;
  if (observer == nullptr) {
    return;
  }
  for (std::size_t entry = 0; entry < holder_.size(); ++entry) {
    if (holder_[entry] != nullptr && holder_[entry]->pending == &slot_->pending[entry]) {
      holder_[entry]->pending = nullptr;
    }
  }
}

// A call that cannot be counted because the table is full is counted as such, once: not for each
// thing that is to be recorded of it.
void PendingStats::CountOverflow(const FunctionRef& ref) {
  if (ref.verdict == Verdict::kOverflow) {
    RecordOverflow();
  }
}

void PendingStats::RecordOverflow() {
  database_->overflow_calls.fetch_add(1, std::memory_order_relaxed);
}

// The counters of the function's row if it still has one.
shared::RowCounters* PendingStats::CountersOf(FunctionRef& ref) {
  if (ref.verdict == Verdict::kOverflow || ref.row == nullptr || !Renew(ref)) {
    return nullptr;
  }
  return &ref.row->counters;
}

// Follows the row into its present epoch after a reset. False if the row is another function's by
// now (this one was dropped): the call then belongs to nobody.
bool PendingStats::Renew(FunctionRef& ref) {
  const std::uint32_t epoch = ref.row->epoch.load(std::memory_order_acquire);
  if (epoch == ref.epoch) {
    return true;
  }
  const bool same = ref.row->live.load(std::memory_order_acquire) != 0 &&
                    ref.row->Key() == ref.row_key &&
                    ref.row->epoch.load(std::memory_order_acquire) == epoch;
  ref.pending = nullptr;
  ref.misses = 0;
  if (!same) {
    ref.ready = 0;
    ref.verdict = Verdict::kUntracked;  // until there is news of it
    ref.row = nullptr;
    return false;
  }
  ref.epoch = epoch;
  ref.row_epoch = MakeRowEpoch(stats_->RowNumber(*ref.row), epoch);
  return true;
}

// From now on the entry is the function's, and no longer that of whoever held it.
void PendingStats::Hold(std::size_t entry, FunctionRef& ref) {
  shared::PendingCounters* counters = &slot_->pending[entry];
  if (holder_[entry] != nullptr && holder_[entry]->pending == counters) {
    holder_[entry]->pending = nullptr;
  }
  holder_[entry] = &ref;
  ref.pending = counters;
}

// Gives the function an entry of the slot: the one that already holds its counters, a free one, or
// one that is pushed out for it. There may be none to have just now. The entry may be held by
// another of this backend's functions with the same row (a temporary one that was made anew).
void PendingStats::TakeEntry(FunctionRef& ref, bool may_evict) {
  const RowEpoch wanted = MakeRowEpoch(stats_->RowNumber(*ref.row), ref.epoch);
  std::size_t entry = shared::kPendingEntries;
  for (std::size_t i = 0; i < shared::kPendingEntries; ++i) {
    const RowEpoch owner = slot_->owner[i].load(std::memory_order_relaxed);
    if (owner == wanted) {
      Hold(i, ref);
      return;
    }
    const bool stale =
        owner == 0 || stats_->row(shared::RowOf(owner)).epoch.load(std::memory_order_relaxed) !=
                          shared::EpochOf(owner);
    if (stale && entry == shared::kPendingEntries) {
      entry = i;
    }
  }
  if (entry == shared::kPendingEntries) {
    if (!may_evict) {
      return;
    }
    entry = next_victim_;
    next_victim_ = (next_victim_ + 1) % shared::kPendingEntries;
    if (!Evict(entry)) {
      return;
    }
  }
  slot_->owner[entry].store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  slot_->pending[entry].Clear();
  slot_->owner[entry].store(wanted, std::memory_order_release);
  Hold(entry, ref);
}

// Moves an entry's counters into their row. False if a reader is at work: then nothing is moved.
bool PendingStats::Evict(std::size_t entry) {
  if (!stats_->TryBeginMerge()) {
    return false;
  }
  const RowEpoch owner = slot_->owner[entry].load(std::memory_order_relaxed);
  shared::FunctionRow& row = stats_->row(shared::RowOf(owner));
  // The epoch cannot change now: who changes it holds merges off (SharedStats::StartOver()).
  if (row.epoch.load(std::memory_order_acquire) == shared::EpochOf(owner)) {
    row.counters.Merge(slot_->pending[entry]);
  }
  slot_->owner[entry].store(0, std::memory_order_relaxed);
  stats_->EndMerge();
  return true;
}

// A bucket is nearly full: empties the entry into the row. If a reader is at work, the next call
// tries again.
void PendingStats::Unload(FunctionRef& ref) {
  if (stats_->TryBeginMerge()) {
    if (ref.row->epoch.load(std::memory_order_acquire) == ref.epoch) {
      ref.row->counters.Merge(*ref.pending);
      ref.pending->Clear();
    }
    stats_->EndMerge();
  }
}

}  // namespace pg_hello::pending
