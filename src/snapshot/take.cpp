// Reading: the one place that adds rows and pending counters up, so that all faces of the numbers
// show the same ones.
#include "pg_hello/snapshot/snapshot.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <utility>

#include "pg_hello/shared/shared_stats.h"
#include "snapshot/read_probes.h"
#include "snapshot/server_parts.h"

namespace pg_hello::snapshot {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint32_t kNowhere = UINT32_MAX;

// So many rows, or functions, before its turn memory is asked for. What tells where a row's counts
// are must be there first.
constexpr std::uint32_t kRowsAhead = 8;
constexpr std::uint32_t kCountsAhead = 4;

// Where each row stands in the snapshot, and the epoch in which it was read.
struct Place {
  std::uint32_t position = kNowhere;
  std::uint32_t epoch = 0;
  std::uint32_t first_epoch = 0;
};

// Every call's bucket lies between those of the shortest and of the longest call, most often within
// a few; reading no others is most of what makes a snapshot fast. A call that has been counted in
// its bucket, and is not yet the longest or the shortest that it is about to be, came too late.
struct TimedRange {
  template <typename Counters>
  explicit TimedRange(const Counters& counters)
      : shortest_ns(shared::DecodeMin(counters.encoded_min_ns.load(kRelaxed))),
        longest_ns(counters.max_ns.load(kRelaxed)) {}

  bool empty() const { return shortest_ns > longest_ns; }  // no timed call
  // Of buckets. REQUIRES: not empty.
  std::size_t first() const { return measure::BucketFor(shortest_ns); }
  std::size_t end() const { return measure::BucketFor(longest_ns) + 1; }

  std::uint64_t shortest_ns;
  std::uint64_t longest_ns;
};

// Returns the sum of the buckets, and adds them to the function's if these are wanted.
template <typename Counters>
std::uint64_t AddBuckets(const Counters& counters, const TimedRange& range, Detail detail,
                         Buckets& buckets) {
  std::uint64_t calls = 0;
  const auto* bucket = &counters.buckets[range.first()];
  if (detail == Detail::kWithoutBuckets) {
    for (std::size_t left = range.end() - range.first(); left > 0; --left) {
      calls += (bucket++)->load(kRelaxed);
    }
    return calls;
  }
  for (std::uint64_t& sum : buckets.Widen(range.first(), range.end())) {
    const std::uint64_t count = (bucket++)->load(kRelaxed);
    sum += count;
    calls += count;
  }
  return calls;
}

// What is counted of timed calls in one place.
struct TimedCalls {
  std::uint64_t calls = 0;
  std::uint64_t inclusive_ns = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t self_ns = 0;
  double sum_squares_ns2 = 0;
  std::uint64_t min_ns = 0;
  std::uint64_t max_ns = 0;
};

template <typename Counters>
TimedCalls ReadTimedCalls(const Counters& counters, Detail detail, Buckets& buckets) {
  const TimedRange range(counters);
  if (range.empty()) {
    return {};
  }
  // In the order in which they are counted, so that hardly any call is seen without its duration.
  const std::uint64_t calls = AddBuckets(counters, range, detail, buckets);
  const std::uint64_t inclusive_ns = counters.inclusive_ns.load(kRelaxed);
  return {calls,
          inclusive_ns,
          inclusive_ns + counters.nested_ns.load(kRelaxed),
          counters.self_ns.load(kRelaxed),
          counters.sum_squares_ns2.load(kRelaxed),
          range.shortest_ns,
          range.longest_ns};
}

// A row's counts are a function's first ones, and overwrite all that the last snapshot left there.
void SetCounts(const shared::RowCounters& counters, Detail detail, FunctionStats& function) {
  function.buckets.Clear();
  const TimedCalls timed = ReadTimedCalls(counters, detail, function.buckets);
  function.untimed = counters.untimed.load(kRelaxed);
  function.calls = timed.calls + function.untimed;
  function.inclusive_ns = timed.inclusive_ns;
  function.duration_ns = timed.duration_ns;
  function.self_ns = timed.self_ns;
  function.sum_squares_ns2 = timed.sum_squares_ns2;
  function.min_ns = timed.min_ns;
  function.max_ns = timed.max_ns;
  function.errors = counters.errors.load(kRelaxed);
  function.canceled = counters.canceled.load(kRelaxed);
  function.iterations = counters.iterations.load(kRelaxed);
  function.active = 0;
}

void AddCounts(const shared::PendingCounters& counters, Detail detail, FunctionStats& function) {
  const bool none_yet = function.TimedCalls() == 0;
  const TimedCalls timed = ReadTimedCalls(counters, detail, function.buckets);
  if (timed.calls == 0) {
    return;
  }
  function.calls += timed.calls;
  function.inclusive_ns += timed.inclusive_ns;
  function.duration_ns += timed.duration_ns;
  function.self_ns += timed.self_ns;
  function.sum_squares_ns2 += timed.sum_squares_ns2;
  function.min_ns = none_yet ? timed.min_ns : std::min(function.min_ns, timed.min_ns);
  function.max_ns = std::max(function.max_ns, timed.max_ns);
}

void ReadErrorOrigins(const shared::RowCounters& counters, FunctionStats& function) {
  function.error_origins.clear();
  // An error of the class "??", which nothing forbids, looks like those of classes without a place.
  constexpr std::uint32_t kOther = '?' | ('?' << 8);
  std::uint64_t other = counters.error_origins.other.load(kRelaxed);
  for (const auto& place : counters.error_origins.places) {
    const std::uint32_t sqlstate_class = place.sqlstate_class.load(kRelaxed);
    if (sqlstate_class == 0) {
      break;  // places are claimed in their order
    }
    const std::uint64_t count = place.count.load(kRelaxed);
    if (sqlstate_class == kOther) {
      other += count;
    } else if (count != 0) {
      function.error_origins.push_back(
          {{static_cast<char>(sqlstate_class & 0xff), static_cast<char>(sqlstate_class >> 8), 0},
           count});
    }
  }
  if (other != 0) {
    function.error_origins.push_back({"??", other});
  }
}

void ClearCounts(FunctionStats& function) {
  static_cast<FunctionCounts&>(function) = {};
  function.buckets.Clear();
  function.error_origins.clear();
}

// Readies the place of a function for its row; false if its names cannot be had now. `changed` is
// set if another function, or the same one with other names, was there before.
bool BeginFunction(const shared::FunctionRow& row, std::uint32_t number, std::uint32_t first_epoch,
                   FunctionStats& function, bool& changed) {
  const std::int64_t since_us = row.stats_since_us.load(kRelaxed);
  const NamesSource wanted{number, first_epoch, row.identity.version()};
  if (!(function.source == wanted)) {
    changed = true;
    function.source = {};
    std::uint32_t version = 0;
    if (!row.identity.ReadInto(function.identity, &version)) {
      return false;
    }
    function.source = {number, first_epoch, version};
    function.key = row.Key();
  }
  changed = changed || function.stats_since_us != since_us;
  function.stats_since_us = since_us;
  return true;
}

// Rows lie too far apart for the processor to find out by itself where it goes on, and are in
// nobody's cache: waiting for them would be most of what a snapshot costs.
void PrefetchRow(const shared::FunctionRow& row) {
  __builtin_prefetch(&row);
  __builtin_prefetch(&row.counters);
  __builtin_prefetch(&row.counters.errors);
}

constexpr std::size_t kLine = 64;

template <typename Counters>
void PrefetchBuckets(const Counters& counters) {
  const TimedRange range(counters);
  if (!range.empty()) {
    for (std::size_t i = range.first(); i < range.end(); i += kLine / sizeof(counters.buckets[0])) {
      __builtin_prefetch(&counters.buckets[i]);
    }
  }
}

void PrefetchFunction(const FunctionStats& function) {
  __builtin_prefetch(&function, 1);
  __builtin_prefetch(&function.stats_since_us, 1);
  __builtin_prefetch(&function.source, 1);
  __builtin_prefetch(&function.identity.extension);  // decides who is shown
}

void PrefetchCounts(const FunctionStats& function, Detail detail) {
  if (detail == Detail::kWithoutBuckets) {
    return;
  }
  const std::span<const std::uint64_t> counts = function.buckets.counts();
  for (std::size_t i = 0; i < counts.size(); i += kLine / sizeof(counts[0])) {
    __builtin_prefetch(&counts[i], 1);
  }
}

std::vector<Place> ReadRows(shared::SharedStats& stats, Snapshot& snapshot, Detail detail,
                            bool& changed) {
  const std::vector<shared::Arrival> arrivals = stats.RowsByArrival();
  std::vector<Place> places(stats.rows_end());
  std::vector<FunctionStats>& functions = snapshot.functions;
  functions.reserve(arrivals.size());
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto& [order, number, first_epoch] = arrivals[i];
    if (i + kRowsAhead < arrivals.size()) {
      PrefetchRow(stats.row(arrivals[i + kRowsAhead].row));
    }
    if (i + kCountsAhead < arrivals.size()) {
      PrefetchBuckets(stats.row(arrivals[i + kCountsAhead].row).counters);
    }
    if (count + kRowsAhead < functions.size()) {
      PrefetchFunction(functions[count + kRowsAhead]);
    }
    if (count + kCountsAhead < functions.size()) {
      PrefetchCounts(functions[count + kCountsAhead], detail);
    }
    shared::FunctionRow& row = stats.row(number);
    const std::uint32_t epoch = row.epoch.load(std::memory_order_acquire);
    // A row that has been given to another function since is one that came after all of these.
    if (row.live.load(std::memory_order_acquire) == 0 ||
        row.first_epoch.load(kRelaxed) != first_epoch) {
      continue;
    }
    FunctionStats& function =
        count < functions.size() ? functions[count] : functions.emplace_back();
    if (!BeginFunction(row, number, first_epoch, function, changed)) {
      continue;
    }
    SetCounts(row.counters, detail, function);
    ReadErrorOrigins(row.counters, function);
    places[number] = {count++, epoch, first_epoch};
  }
  changed = changed || count != functions.size();
  functions.resize(count);
  return places;
}

const Place* Find(const std::vector<Place>& places, shared::RowEpoch row_epoch) {
  const std::uint32_t number = shared::RowOf(row_epoch);
  if (row_epoch == 0 || number >= places.size() || places[number].position == kNowhere) {
    return nullptr;
  }
  return &places[number];
}

void AddPending(const shared::BackendSlot& slot, const std::vector<Place>& places, Detail detail,
                Snapshot& snapshot) {
  const auto is_used = [&slot](std::size_t entry) {
    return entry < shared::kPendingEntries && slot.owner[entry].load(kRelaxed) != 0;
  };
  for (std::size_t i = 0; i < shared::kPendingEntries; ++i) {
    if (is_used(i + kRowsAhead)) {
      __builtin_prefetch(&slot.pending[i + kRowsAhead]);
    }
    if (is_used(i + kCountsAhead)) {
      PrefetchBuckets(slot.pending[i + kCountsAhead]);
    }
    const shared::RowEpoch owner = slot.owner[i].load(std::memory_order_acquire);
    const Place* place = Find(places, owner);
    if (place != nullptr && place->epoch == shared::EpochOf(owner)) {
      AddCounts(slot.pending[i], detail, snapshot.functions[place->position]);
    }
  }
}

// Rows that were reset or removed while they were read: what was added up is of two epochs. A row
// that was reset has no calls now; one that was removed is gone.
void DropOvertaken(shared::SharedStats& stats, std::vector<Place>& places, Snapshot& snapshot,
                   bool& changed) {
  // All that was read so far was read before the epochs are read again.
  std::atomic_thread_fence(std::memory_order_acquire);
  std::vector<bool> gone(snapshot.functions.size());
  for (std::uint32_t number = 0; number < places.size(); ++number) {
    const Place& place = places[number];
    shared::FunctionRow& row = stats.row(number);
    if (place.position != kNowhere &&
        (place.epoch % 2 != 0 || row.epoch.load(std::memory_order_acquire) != place.epoch)) {
      FunctionStats& function = snapshot.functions[place.position];
      gone[place.position] =
          row.live.load(std::memory_order_acquire) == 0 || !(row.Key() == function.key);
      ClearCounts(function);
      function.stats_since_us = row.stats_since_us.load(kRelaxed);
      changed = true;
    }
  }
  std::vector<std::uint32_t> moved_to(gone.size(), kNowhere);
  std::uint32_t kept = 0;
  for (std::uint32_t from = 0; from < gone.size(); ++from) {
    if (!gone[from]) {
      if (kept != from) {
        snapshot.functions[kept] = std::move(snapshot.functions[from]);
      }
      moved_to[from] = kept++;
    }
  }
  snapshot.functions.resize(kept);
  for (Place& place : places) {
    if (place.position != kNowhere) {
      place.position = moved_to[place.position];
    }
  }
}

void AddActive(const shared::SharedStats& stats, const shared::BackendSlot& slot,
               const std::vector<Place>& places, Snapshot& snapshot) {
  const std::uint32_t pid = slot.pid.load(std::memory_order_acquire);
  if (pid == 0) {
    return;
  }
  const auto source = static_cast<measure::ClockSource>(slot.clock_source.load(kRelaxed));
  const measure::TickClock clock = stats.clock(source);
  const std::uint64_t now = clock.Now();
  const std::uint32_t depth =
      std::min<std::uint32_t>(slot.depth.load(std::memory_order_acquire), shared::kVisibleDepth);
  for (std::uint32_t i = 0; i < depth; ++i) {
    // A call goes on across a reset: any epoch will do in which the row was this function's.
    const shared::RowEpoch call = slot.active[i].function.load(std::memory_order_acquire);
    const Place* place = Find(places, call);
    if (place != nullptr && place->first_epoch <= shared::EpochOf(call)) {
      const std::uint64_t start = slot.active[i].start_ticks.load(kRelaxed);
      const std::uint64_t ran_ns = clock.ToNs(now > start ? now - start : 0);
      ++snapshot.functions[place->position].active;
      snapshot.active_calls.push_back(
          {place->position, pid, i + 1,
           snapshot.taken_at_us - static_cast<std::int64_t>(ran_ns / 1000)});
    }
  }
}

void ReadRoleCalls(const shared::RoleCalls& role_calls, const std::vector<Place>& places,
                   Snapshot& snapshot) {
  for (std::uint32_t i = 0; i < role_calls.end(); ++i) {
    const shared::RoleCallsPlace& place = role_calls.place(i);
    const shared::RoleFunction owner{place.role.load(kRelaxed), place.row.load(kRelaxed),
                                     place.first_epoch.load(std::memory_order_acquire)};
    const std::uint64_t calls = place.calls.load(std::memory_order_acquire);
    const bool there = owner.row < places.size() && places[owner.row].position != kNowhere &&
                       places[owner.row].first_epoch == owner.first_epoch;
    if (calls > 0 && there && place.IsOf(owner)) {
      snapshot.role_calls.push_back({owner.role, places[owner.row].position, calls});
    }
  }
  snapshot.role_calls_overflow = role_calls.overflow.load(kRelaxed);
}

std::uint64_t NewSeriesVersion() {
  static std::atomic<std::uint64_t> last;
  return last.fetch_add(1, kRelaxed) + 1;
}

bool HaveSameNames(const std::vector<DatabaseStats>& some,
                   const std::vector<DatabaseStats>& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(),
                    [](const DatabaseStats& a, const DatabaseStats& b) {
                      return a.dbid == b.dbid && a.datname == b.datname;
                    });
}

}  // namespace

void TakeInto(Snapshot& snapshot, shared::SharedStats& stats, std::int64_t now_us,
              const ServerState& server, Detail detail) {
  Snapshot before = std::exchange(snapshot, Begin(stats, now_us, server));
  snapshot.functions = std::move(before.functions);
  bool changed = before.series_version == 0;
  {
    const shared::SharedStats::ReadGuard no_merges(stats);
    std::vector<Place> places = ReadRows(stats, snapshot, detail, changed);
    const std::uint32_t slots_end = stats.slots_end();
    for (std::uint32_t i = 0; i < slots_end; ++i) {
      AddPending(stats.slot(i), places, detail, snapshot);
    }
    DropOvertaken(stats, places, snapshot, changed);
    for (std::uint32_t i = 0; i < slots_end; ++i) {
      AddActive(stats, stats.slot(i), places, snapshot);
    }
    ReadRoleCalls(stats.role_calls, places, snapshot);
  }
  snapshot.functions_used = static_cast<std::uint32_t>(snapshot.functions.size());
  ReadDatabases(stats, snapshot);
  changed = changed || !HaveSameNames(before.databases, snapshot.databases);
  snapshot.series_version = changed ? NewSeriesVersion() : before.series_version;
  ReadSlos(stats.slos, snapshot);
  ReadWorker(stats.worker, snapshot.worker);
  ReadProbes(stats.probes, snapshot);
}

Snapshot Take(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server) {
  Snapshot snapshot{};
  TakeInto(snapshot, stats, now_us, server);
  return snapshot;
}

}  // namespace pg_hello::snapshot
