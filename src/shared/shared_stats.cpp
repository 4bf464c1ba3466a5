// The table of functions: an array of rows and, beside it, an open-addressing index of row numbers.
// Its own instead of the server's dynahash because it must never grow, never raise an error and be
// readable without a lock, and because this way it is tested without a server.
#include "pg_hello/shared/shared_stats.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <new>

#include "pg_hello/measure/utf8.h"

namespace pg_hello::shared {

namespace {

constexpr std::size_t AlignUp(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

bool HasName(const DatabaseRow& database, const DatabaseName& name) {
  const std::optional<DatabaseName> known = database.name.Read();
  return known && std::memcmp(&*known, &name, sizeof(name)) == 0;
}

// Twice as many places as rows, so that probes stay short.
std::uint32_t IndexSizeFor(std::uint32_t max_functions) { return std::bit_ceil(max_functions * 2); }

struct Offsets {
  std::size_t index;
  std::size_t rows;
  std::size_t slots;
  std::size_t end;
};

Offsets OffsetsFor(const Dimensions& dimensions) {
  Offsets offsets{};
  offsets.index = AlignUp(sizeof(SharedStats));
  offsets.rows =
      offsets.index + AlignUp(IndexSizeFor(dimensions.max_functions) * sizeof(std::uint32_t));
  offsets.slots = offsets.rows + dimensions.max_functions * sizeof(FunctionRow);
  offsets.end = offsets.slots + dimensions.backend_slots * sizeof(BackendSlot);
  return offsets;
}

// The finalizer of MurmurHash3 (Austin Appleby, public domain), over both halves of the key.
std::uint64_t Mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  value ^= value >> 33;
  return value;
}

}  // namespace

std::size_t SharedStats::SizeFor(const Dimensions& dimensions) {
  return OffsetsFor(dimensions).end;
}

std::array<MemoryPart, 8> SharedStats::PartsOf(const Dimensions& dimensions) {
  const Offsets offsets = OffsetsFor(dimensions);
  constexpr std::size_t kDatabases = sizeof(databases_);
  constexpr std::size_t kRoles = RoleCalls::kPlaces * sizeof(RoleCallsPlace);
  constexpr std::size_t kSlos = sizeof(SloState);
  constexpr std::size_t kProbes = sizeof(ProbeBoard);
  constexpr std::size_t kHeader = sizeof(SharedStats) - kRoles - kSlos - kProbes - kDatabases;
  const std::uint64_t functions = dimensions.max_functions;
  return {
      {{"header", 1, kHeader, kHeader},
       {"calls by role", RoleCalls::kPlaces, sizeof(RoleCallsPlace), kRoles},
       {"objectives", 1, kSlos, kSlos},
       {"probes", 1, kProbes, kProbes},
       {"databases", kMaxDatabases, sizeof(DatabaseRow), kDatabases},
       {"function index", IndexSizeFor(dimensions.max_functions), sizeof(std::uint32_t),
        offsets.rows - offsets.index},
       {"functions", functions, sizeof(FunctionRow), offsets.slots - offsets.rows},
       {"backends", dimensions.backend_slots, sizeof(BackendSlot), offsets.end - offsets.slots}}};
}

SharedStats* SharedStats::Create(void* memory, const Dimensions& dimensions,
                                 const measure::TickClock& clock, std::int64_t now_us) {
  std::memset(memory, 0, SizeFor(dimensions));
  auto* stats = new (memory) SharedStats();
  stats->dimensions_ = dimensions;
  stats->rows_offset_ = OffsetsFor(dimensions).rows;
  stats->slots_offset_ = OffsetsFor(dimensions).slots;
  stats->tsc_clock_ = clock;
  stats->best_clock_source_ = clock.source;
  stats->stats_reset_us_.store(now_us, std::memory_order_relaxed);
  stats->databases_end_.store(1, std::memory_order_release);
  return stats;
}

measure::TickClock SharedStats::clock(measure::ClockSource source) const {
  return source == measure::ClockSource::kTsc ? tsc_clock_ : measure::TickClock{};
}

std::uint32_t SharedStats::index_size() const { return IndexSizeFor(dimensions_.max_functions); }
std::uint32_t* SharedStats::index() { return At<std::uint32_t>(OffsetsFor(dimensions_).index); }

std::uint32_t SharedStats::RowNumber(const FunctionRow& row) const {
  return static_cast<std::uint32_t>(&row - const_cast<SharedStats*>(this)->rows());
}

std::uint32_t SharedStats::IndexHome(const FunctionKey& key) const {
  const std::uint64_t low = (static_cast<std::uint64_t>(key.dbid) << 32) | key.funcid;
  return static_cast<std::uint32_t>(Mix(low ^ Mix(key.temp_hash))) & (index_size() - 1);
}

FunctionRow* SharedStats::Find(const FunctionKey& key) {
  const std::uint32_t* places = index();
  const std::uint32_t mask = index_size() - 1;
  for (std::uint32_t i = IndexHome(key); places[i] != 0; i = (i + 1) & mask) {
    FunctionRow& candidate = row(places[i] - 1);
    if (candidate.Key() == key) {
      return &candidate;
    }
  }
  return nullptr;
}

std::vector<Arrival> SharedStats::RowsByArrival() {
  std::vector<Arrival> arrivals;
  arrivals.reserve(live_rows());
  const std::uint32_t end = rows_end();
  for (std::uint32_t number = 0; number < end; ++number) {
    const FunctionRow& candidate = row(number);
    if (candidate.live.load(std::memory_order_acquire) != 0) {
      arrivals.push_back({candidate.arrival.load(std::memory_order_relaxed), number,
                          candidate.first_epoch.load(std::memory_order_relaxed)});
    }
  }
  const auto earlier = [](const Arrival& a, const Arrival& b) { return a.order < b.order; };
  if (!std::is_sorted(arrivals.begin(), arrivals.end(), earlier)) {  // rows were used again
    std::sort(arrivals.begin(), arrivals.end(), earlier);
  }
  return arrivals;
}

bool SharedStats::HasIdentity(const FunctionRow& row, const FunctionIdentity& identity) const {
  const std::optional<FunctionIdentity> known = row.identity.Read();
  return known && std::memcmp(&*known, &identity, sizeof(identity)) == 0;
}

FunctionRow* SharedStats::FindOrInsert(const FunctionKey& key, const FunctionIdentity& identity,
                                       std::int64_t now_us) {
  if (FunctionRow* found = Find(key)) {
    if (!HasIdentity(*found, identity)) {
      found->identity.Publish(identity);
    }
    return found;
  }
  std::uint32_t number;
  if (first_free_ != 0) {
    number = first_free_ - 1;
    first_free_ = row(number).next_free;
  } else if (rows_end() < dimensions_.max_functions) {
    number = rows_end();
  } else {
    return nullptr;
  }

  FunctionRow& made = row(number);
  made.dbid.store(key.dbid, std::memory_order_relaxed);
  made.funcid.store(key.funcid, std::memory_order_relaxed);
  made.temp_hash.store(key.temp_hash, std::memory_order_relaxed);
  made.arrival.store(arrivals_++, std::memory_order_relaxed);
  made.identity.Publish(identity);
  made.counters.error_origins.Vacate();
  StartOver(made, now_us, ReadGuard(*this));
  made.first_epoch.store(made.epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
  made.live.store(1, std::memory_order_release);
  if (number == rows_end()) {
    rows_end_.store(number + 1, std::memory_order_release);
  }
  live_rows_.fetch_add(1, std::memory_order_relaxed);

  std::uint32_t* places = index();
  const std::uint32_t mask = index_size() - 1;
  std::uint32_t i = IndexHome(key);
  while (places[i] != 0) {
    i = (i + 1) & mask;
  }
  places[i] = number + 1;
  return &made;
}

void SharedStats::EraseFromIndex(const FunctionKey& key) {
  std::uint32_t* places = index();
  const std::uint32_t mask = index_size() - 1;
  std::uint32_t hole = IndexHome(key);
  while (places[hole] != 0 && !(row(places[hole] - 1).Key() == key)) {
    hole = (hole + 1) & mask;
  }
  if (places[hole] == 0) {
    return;
  }
  // Move back what would no longer be found beyond the hole (Knuth, TAOCP 6.4, algorithm R).
  for (std::uint32_t i = (hole + 1) & mask; places[i] != 0; i = (i + 1) & mask) {
    const std::uint32_t home = IndexHome(row(places[i] - 1).Key());
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      places[hole] = places[i];
      hole = i;
    }
  }
  places[hole] = 0;
}

void SharedStats::Remove(FunctionRow& removed) {
  EraseFromIndex(removed.Key());
  removed.live.store(0, std::memory_order_release);
  removed.epoch.fetch_add(2, std::memory_order_acq_rel);
  removed.next_free = first_free_;
  first_free_ = RowNumber(removed) + 1;
  live_rows_.fetch_sub(1, std::memory_order_relaxed);
  vacancies_.fetch_add(1, std::memory_order_relaxed);
}

// The epoch is odd meanwhile, so that a reader knows that the counters may be half cleared.
void SharedStats::StartOver(FunctionRow& started, std::int64_t now_us, const ReadGuard& no_merges) {
  (void)no_merges;
  started.epoch.fetch_add(1, std::memory_order_acq_rel);
  std::atomic_thread_fence(std::memory_order_release);
  started.stats_since_us.store(now_us, std::memory_order_relaxed);
  started.counters.Clear();
  started.epoch.fetch_add(1, std::memory_order_acq_rel);
}

void SharedStats::Reset(FunctionRow& reset, std::int64_t now_us) {
  reset.arrival.store(arrivals_++, std::memory_order_relaxed);
  StartOver(reset, now_us, ReadGuard(*this));
  role_calls.Reset(RowNumber(reset));
}

void SharedStats::ResetAll(std::int64_t now_us) {
  const ReadGuard no_merges(*this);
  for (std::uint32_t i = 0; i < rows_end(); ++i) {
    if (row(i).live.load(std::memory_order_relaxed) != 0) {
      StartOver(row(i), now_us, no_merges);
    }
  }
  for (std::uint32_t i = 0; i < databases_end(); ++i) {
    database(i).overflow_calls.store(0, std::memory_order_relaxed);
  }
  role_calls.ResetAll();
  full_reported.store(0, std::memory_order_relaxed);
  overflow_loaded.store(0, std::memory_order_relaxed);
  stats_reset_us_.store(now_us, std::memory_order_relaxed);
}

RoleCallsPlace* SharedStats::CountRoleCall(const RoleFunction& wanted) {
  const auto is_live = [this](std::uint32_t number, std::uint32_t first_epoch) {
    const FunctionRow& owner = row(number);
    return owner.live.load(std::memory_order_relaxed) != 0 &&
           owner.first_epoch.load(std::memory_order_relaxed) == first_epoch;
  };
  return is_live(wanted.row, wanted.first_epoch) ? role_calls.Count(wanted, is_live) : nullptr;
}

DatabaseRow* SharedStats::FindDatabase(std::uint32_t dbid) {
  for (std::uint32_t i = 1; i < databases_end(); ++i) {
    if (database(i).dbid.load(std::memory_order_relaxed) == dbid) {
      return &database(i);
    }
  }
  return nullptr;
}

// Of two databases with the same name, the one that has just been met is there; the other was
// dropped or renamed, and is told apart by its oid until it shows up again.
void SharedStats::GiveName(DatabaseRow& named, const DatabaseName& name) {
  for (std::uint32_t i = 1; i < databases_end(); ++i) {
    DatabaseRow& other = database(i);
    if (&other != &named && HasName(other, name)) {
      DatabaseName former{};
      const std::size_t kept = measure::Utf8CutLength(name.datname, sizeof(name.datname) - 12);
      std::snprintf(former.datname, sizeof(former.datname), "%.*s~%u", static_cast<int>(kept),
                    name.datname, other.dbid.load(std::memory_order_relaxed));
      other.name.Publish(former);
    }
  }
  named.name.Publish(name);
}

DatabaseRow* SharedStats::FindOrInsertDatabase(std::uint32_t dbid, const DatabaseName& name) {
  DatabaseRow* found = FindDatabase(dbid);
  if (found == nullptr) {
    const std::uint32_t number = VacantDatabase();
    if (number == kMaxDatabases) {
      return &database(0);
    }
    found = &database(number);
    found->dbid.store(dbid, std::memory_order_relaxed);
    GiveName(*found, name);
    if (number == databases_end()) {
      databases_end_.store(number + 1, std::memory_order_release);
    }
    return found;
  }
  if (!HasName(*found, name)) {
    GiveName(*found, name);
  }
  return found;
}

// The place of a database that was removed, or the next one that has never been used.
std::uint32_t SharedStats::VacantDatabase() {
  std::uint32_t number = 1;
  while (number < databases_end() && database(number).dbid.load(std::memory_order_relaxed) != 0) {
    ++number;
  }
  return number;
}

void SharedStats::ShowExtensionVersion(std::uint32_t dbid, const ExtensionVersion& version) {
  if (DatabaseRow* shown = FindDatabase(dbid)) {
    shown->extension_version.Publish(version);
  }
}

void SharedStats::RemoveDatabase(std::uint32_t dbid) {
  for (std::uint32_t i = 0; i < rows_end(); ++i) {
    FunctionRow& candidate = row(i);
    if (candidate.live.load(std::memory_order_relaxed) != 0 &&
        candidate.dbid.load(std::memory_order_relaxed) == dbid) {
      Remove(candidate);
    }
  }
  if (DatabaseRow* removed = FindDatabase(dbid)) {
    removed->dbid.store(0, std::memory_order_relaxed);
    removed->overflow_calls.store(0, std::memory_order_relaxed);
    removed->early_rows.store(0, std::memory_order_relaxed);
    removed->name.Publish(DatabaseName{});
    removed->extension_version.Publish(ExtensionVersion{});
  }
}

BackendSlot& SharedStats::HoldSlot(std::uint32_t number) {
  std::uint32_t end = slots_end();
  while (end <= number && !slots_end_.compare_exchange_weak(end, number + 1)) {
  }
  return slot(number);
}

// The two counters are each written by one side and read by the other, after its own write: with
// sequentially consistent order at least one side sees the other (Dekker).
bool SharedStats::TryBeginMerge() {
  mergers_.fetch_add(1);
  if (readers_.load() != 0) {
    mergers_.fetch_sub(1);
    return false;
  }
  return true;
}

void SharedStats::EndMerge() { mergers_.fetch_sub(1); }

SharedStats::ReadGuard::ReadGuard(SharedStats& stats) : stats_(stats) {
  stats_.readers_.fetch_add(1);
  constexpr int kYields = 100;
  constexpr int kPauses = 1'000;
  for (int i = 0; stats_.mergers_.load() != 0 && i < kYields + kPauses; ++i) {
    if (i < kYields) {
      sched_yield();
    } else {
      const timespec pause{0, 100'000};
      nanosleep(&pause, nullptr);
    }
  }
}

SharedStats::ReadGuard::~ReadGuard() { stats_.readers_.fetch_sub(1); }

}  // namespace pg_hello::shared
