// Reading: the one place that adds rows and pending counters up, so that all faces of the numbers
// show the same ones.
#include "pg_hello/snapshot/snapshot.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <utility>

#include "pg_hello/shared/shared_stats.h"
#include "snapshot/read_probes.h"

namespace pg_hello::snapshot {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint32_t kNowhere = UINT32_MAX;

// Where each row stands in the snapshot, and the epoch in which it was read.
struct Place {
  std::uint32_t position = kNowhere;
  std::uint32_t epoch = 0;
  std::uint32_t first_epoch = 0;
};

// Adds what counters of either shape have beside their buckets. Nested activations' durations are
// kept in `duration_ns` until Complete(), and timed calls alone in `calls`.
template <typename Counters>
void AddSums(FunctionStats& function, const Counters& counters) {
  function.inclusive_ns += counters.inclusive_ns.load(kRelaxed);
  function.duration_ns += counters.nested_ns.load(kRelaxed);
  function.self_ns += counters.self_ns.load(kRelaxed);
  function.sum_squares_ns2 += counters.sum_squares_ns2.load(kRelaxed);
  function.max_ns = std::max(function.max_ns, counters.max_ns.load(kRelaxed));
  function.min_ns =
      std::min(function.min_ns, shared::DecodeMin(counters.encoded_min_ns.load(kRelaxed)));
}

// Every call's bucket lies between those of the shortest and of the longest call, most often within
// a few; reading no others is most of what makes a snapshot fast. A call that has been counted in
// its bucket, and is not yet the longest or the shortest that it is about to be, came too late.
template <typename Counters>
void Add(FunctionStats& function, const Counters& counters) {
  const std::uint64_t longest = counters.max_ns.load(kRelaxed);
  const std::uint64_t shortest = shared::DecodeMin(counters.encoded_min_ns.load(kRelaxed));
  if (shortest > longest) {
    return;  // no timed call
  }
  const std::size_t first = measure::BucketFor(shortest);
  const std::size_t end = measure::BucketFor(longest) + 1;
  const std::span<std::uint64_t> sums = function.buckets.Widen(first, end);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::uint64_t count = counters.buckets[first + i].load(kRelaxed);
    sums[i] += count;
    function.calls += count;
  }
  AddSums(function, counters);
}

void AddRareCounters(FunctionStats& function, const shared::RowCounters& counters) {
  function.errors = counters.errors.load(kRelaxed);
  function.canceled = counters.canceled.load(kRelaxed);
  function.untimed = counters.untimed.load(kRelaxed);
  function.iterations = counters.iterations.load(kRelaxed);
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

void Complete(FunctionStats& function) {
  function.calls += function.untimed;
  function.duration_ns += function.inclusive_ns;
  // Also where a first call's count was seen but not yet its duration.
  function.min_ns = std::min(function.min_ns, function.max_ns);
}

// What is read of a row first, and what leads the processor on to the rest. Rows lie too far apart
// for it to find out by itself, and are in nobody's cache.
void Prefetch(const shared::FunctionRow& row) {
  __builtin_prefetch(&row);
  __builtin_prefetch(&row.counters);
  __builtin_prefetch(&row.counters.buckets[64]);
  __builtin_prefetch(&row.counters.errors);
}

std::vector<Place> ReadRows(shared::SharedStats& stats, Snapshot& snapshot) {
  const std::vector<shared::Arrival> arrivals = stats.RowsByArrival();
  std::vector<Place> places(stats.rows_end());
  snapshot.functions.reserve(arrivals.size());
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto& [order, number, first_epoch] = arrivals[i];
    if (i + 1 < arrivals.size()) {
      Prefetch(stats.row(arrivals[i + 1].row));
    }
    shared::FunctionRow& row = stats.row(number);
    const std::uint32_t epoch = row.epoch.load(std::memory_order_acquire);
    // A row that has been given to another function since is one that came after all of these.
    if (row.live.load(std::memory_order_acquire) == 0 ||
        row.first_epoch.load(kRelaxed) != first_epoch) {
      continue;
    }
    FunctionStats& function = snapshot.functions.emplace_back();
    if (!row.identity.ReadInto(function.identity)) {
      snapshot.functions.pop_back();
      continue;
    }
    function.key = row.Key();
    function.stats_since_us = row.stats_since_us.load(kRelaxed);
    function.min_ns = UINT64_MAX;
    Add(function, row.counters);
    AddRareCounters(function, row.counters);
    places[number] = {static_cast<std::uint32_t>(snapshot.functions.size() - 1), epoch,
                      first_epoch};
  }
  return places;
}

const Place* Find(const std::vector<Place>& places, shared::RowEpoch row_epoch) {
  const std::uint32_t number = shared::RowOf(row_epoch);
  if (row_epoch == 0 || number >= places.size() || places[number].position == kNowhere) {
    return nullptr;
  }
  return &places[number];
}

void AddPending(const shared::BackendSlot& slot, const std::vector<Place>& places,
                Snapshot& snapshot) {
  for (std::size_t i = 0; i < shared::kPendingEntries; ++i) {
    const shared::RowEpoch owner = slot.owner[i].load(std::memory_order_acquire);
    const Place* place = Find(places, owner);
    if (place != nullptr && place->epoch == shared::EpochOf(owner)) {
      Add(snapshot.functions[place->position], slot.pending[i]);
    }
  }
}

// Rows that were reset or removed while they were read: what was added up is of two epochs. A row
// that was reset has no calls now; one that was removed is gone.
void DropOvertaken(shared::SharedStats& stats, std::vector<Place>& places, Snapshot& snapshot) {
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
      FunctionStats empty{};
      empty.key = function.key;
      empty.identity = function.identity;
      empty.stats_since_us = row.stats_since_us.load(kRelaxed);
      function = empty;
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

// Neighbours are mostly of the same database, here and below.
bool SomeAreUnplaced(shared::SharedStats& stats, const std::vector<FunctionStats>& functions) {
  std::unordered_set<std::uint32_t> placed;
  for (std::uint32_t number = 1; number < stats.databases_end(); ++number) {
    placed.insert(stats.database(number).dbid.load(kRelaxed));
  }
  std::uint32_t found = 0;
  return std::any_of(functions.begin(), functions.end(), [&](const FunctionStats& function) {
    const std::uint32_t dbid = function.key.dbid;
    if (dbid != found && placed.contains(dbid)) {
      found = dbid;
    }
    return dbid != found;
  });
}

void ReadDatabases(shared::SharedStats& stats, Snapshot& snapshot) {
  const std::uint32_t end = stats.databases_end();
  const bool some_unplaced = SomeAreUnplaced(stats, snapshot.functions);
  for (std::uint32_t number = 0; number < end; ++number) {
    shared::DatabaseRow& row = stats.database(number);
    DatabaseStats database;
    database.dbid = row.dbid.load(kRelaxed);
    database.overflow_calls = row.overflow_calls.load(kRelaxed);
    const std::optional<shared::DatabaseName> name = row.name.Read();
    database.datname = name ? name->datname : "";
    const std::optional<shared::ExtensionVersion> version = row.extension_version.Read();
    database.extension_version = version ? version->version : "";
    // Number 0, for databases that found no place, is shown only if it was needed.
    const bool shown =
        number > 0 ? database.dbid != 0 : database.overflow_calls > 0 || some_unplaced;
    if (shown) {
      snapshot.databases.push_back(std::move(database));
    }
  }
  // Names repeat for a moment when one database is renamed to a dropped one's name.
  std::unordered_set<std::string> names;
  for (DatabaseStats& database : snapshot.databases) {
    while (!names.insert(database.datname).second) {
      database.datname += "~" + std::to_string(database.dbid);
    }
  }
  for (FunctionStats& function : snapshot.functions) {
    function.database = 0;
    for (std::size_t i = 0; i < snapshot.databases.size(); ++i) {
      if (snapshot.databases[i].dbid == function.key.dbid) {
        function.database = static_cast<std::uint32_t>(i);
        break;
      }
    }
  }
}

void ReadWorker(const shared::WorkerStatus& status, WorkerStats& worker) {
  worker.pid = status.pid.load(kRelaxed);
  worker.starts = status.starts.load(kRelaxed);
  worker.started_at_us = status.started_at_us.load(kRelaxed);
  worker.heartbeat_at_us = status.heartbeat_at_us.load(kRelaxed);
  worker.longest_turn_ns = status.longest_turn_ns.load(kRelaxed);
  worker.port = status.port.load(kRelaxed);
  worker.listening = status.listening.load(kRelaxed) != 0;
  worker.bind_failures = status.bind_failures.load(kRelaxed);
  worker.connections = status.connections.load(kRelaxed);
  worker.requests_in_flight = status.requests_in_flight.load(kRelaxed);
  worker.scrapes = status.scrapes.load(kRelaxed);
  worker.scrape_duration_ns = status.scrape_duration_ns.load(kRelaxed);
  worker.scrape_series = status.scrape_series.load(kRelaxed);
  if (const auto text = status.listen_text.Read()) {
    worker.listen_addresses = text->addresses;
    worker.listen_error = text->error;
  }
  for (std::size_t path = 0; path < shared::kHttpPaths.size(); ++path) {
    for (std::size_t code = 0; code < shared::kHttpCodes.size(); ++code) {
      if (const std::uint64_t count = status.http_requests[path][code].load(kRelaxed)) {
        worker.http_requests.push_back({shared::kHttpPaths[path], shared::kHttpCodes[code], count});
      }
    }
  }
}

Snapshot Begin(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server) {
  Snapshot snapshot{};
  snapshot.server = server;
  snapshot.taken_at_us = now_us;
  snapshot.stats_reset_us = stats.stats_reset_us();
  snapshot.functions_limit = stats.dimensions().max_functions;
  snapshot.functions_used = stats.live_rows();
  snapshot.shared_memory_bytes = stats.size();
  snapshot.stack_resyncs = stats.stack_resyncs.load(kRelaxed);
  snapshot.clock_anomalies = stats.clock_anomalies.load(kRelaxed);
  snapshot.clock_source = measure::ClockSourceName(stats.best_clock_source());
  return snapshot;
}

}  // namespace

Snapshot Take(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server) {
  Snapshot snapshot = Begin(stats, now_us, server);
  {
    const shared::SharedStats::ReadGuard no_merges(stats);
    std::vector<Place> places = ReadRows(stats, snapshot);
    for (std::uint32_t i = 0; i < stats.dimensions().backend_slots; ++i) {
      AddPending(stats.slot(i), places, snapshot);
    }
    for (FunctionStats& function : snapshot.functions) {
      Complete(function);
    }
    DropOvertaken(stats, places, snapshot);
    for (std::uint32_t i = 0; i < stats.dimensions().backend_slots; ++i) {
      AddActive(stats, stats.slot(i), places, snapshot);
    }
    ReadRoleCalls(stats.role_calls, places, snapshot);
  }
  snapshot.functions_used = static_cast<std::uint32_t>(snapshot.functions.size());
  ReadDatabases(stats, snapshot);
  ReadWorker(stats.worker, snapshot.worker);
  ReadProbes(stats.probes, snapshot);
  return snapshot;
}

Snapshot TakeSummary(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server) {
  Snapshot snapshot = Begin(stats, now_us, server);
  ReadDatabases(stats, snapshot);
  ReadWorker(stats.worker, snapshot.worker);
  ReadProbes(stats.probes, snapshot);
  return snapshot;
}

std::span<std::uint64_t> Buckets::Widen(std::size_t first, std::size_t end) {
  if (counts_.empty()) {
    first_ = first;
  }
  if (first < first_) {
    counts_.insert(counts_.begin(), first_ - first, 0);
    first_ = first;
  }
  if (end > this->end()) {
    counts_.resize(end - first_);
  }
  return std::span(counts_).subspan(first - first_, end - first);
}

bool operator==(const Buckets& a, const Buckets& b) {
  for (std::size_t i = 0; i < Buckets::size(); ++i) {
    if (a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

std::uint64_t Snapshot::OverflowCalls() const {
  std::uint64_t calls = 0;
  for (const DatabaseStats& database : databases) {
    calls += database.overflow_calls;
  }
  return calls;
}

std::int64_t Snapshot::OldestActiveCallUs() const {
  std::int64_t oldest = 0;
  for (const ActiveCall& call : active_calls) {
    oldest = oldest == 0 ? call.started_at_us : std::min(oldest, call.started_at_us);
  }
  return oldest;
}

double Percentile(const FunctionStats& stats, double q) {
  const std::uint64_t timed = stats.TimedCalls();
  if (timed == 0) {
    return -1;
  }
  const auto least = static_cast<double>(stats.min_ns);
  const auto greatest = static_cast<double>(stats.max_ns);
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(timed);
  double below = 0;
  for (std::size_t i = stats.buckets.first(); i < stats.buckets.end(); ++i) {
    const auto count = static_cast<double>(stats.buckets[i]);
    if (count > 0 && below + count >= rank) {
      const double low = i > 0 ? static_cast<double>(measure::kUpperBoundsNs[i - 1]) : 0;
      const double high =
          i < measure::kBoundCount ? static_cast<double>(measure::kUpperBoundsNs[i]) : greatest;
      const double value = low + (high - low) * ((rank - below) / count);
      return std::clamp(value, least, std::max(least, greatest));
    }
    below += count;
  }
  return greatest;
}

double MeanNs(const FunctionStats& stats) {
  const std::uint64_t timed = stats.TimedCalls();
  return timed == 0 ? 0 : static_cast<double>(stats.duration_ns) / static_cast<double>(timed);
}

double StddevNs(const FunctionStats& stats) {
  const std::uint64_t timed = stats.TimedCalls();
  if (timed == 0) {
    return 0;
  }
  const double mean = MeanNs(stats);
  return std::sqrt(std::max(0.0, stats.sum_squares_ns2 / static_cast<double>(timed) - mean * mean));
}

}  // namespace pg_hello::snapshot
