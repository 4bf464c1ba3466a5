// Databases and the worker's status are few values, each of which is read as it is.
#include "snapshot/server_parts.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pg_hello/shared/shared_stats.h"
#include "snapshot/read_probes.h"

namespace pg_hello::snapshot {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

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

}  // namespace

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
  std::uint32_t dbid = 0;
  std::uint32_t place = 0;
  for (FunctionStats& function : snapshot.functions) {
    if (function.key.dbid != dbid) {
      dbid = function.key.dbid;
      const auto found =
          std::find_if(snapshot.databases.begin(), snapshot.databases.end(),
                       [dbid](const DatabaseStats& database) { return database.dbid == dbid; });
      place = found == snapshot.databases.end()
                  ? 0
                  : static_cast<std::uint32_t>(found - snapshot.databases.begin());
    }
    function.database = place;
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
  worker.connections_refused = status.connections_refused.load(kRelaxed);
  worker.refused_at_us = status.refused_at_us.load(kRelaxed);
  worker.certificate_expires_at_us = status.certificate_expires_at_us.load(kRelaxed);
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

void ReadSlos(const shared::SloState& state, Snapshot& snapshot) {
  if (const auto board = state.board.Read()) {
    snapshot.slos.assign(board->slos.begin(), board->slos.begin() + board->count);
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
  snapshot.internal_errors = stats.internal_errors.load(kRelaxed);
  snapshot.clock_source = measure::ClockSourceName(stats.best_clock_source());
  return snapshot;
}

Snapshot TakeSummary(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server) {
  Snapshot snapshot = Begin(stats, now_us, server);
  ReadDatabases(stats, snapshot);
  ReadSlos(stats.slos, snapshot);
  ReadWorker(stats.worker, snapshot.worker);
  ReadProbes(stats.probes, snapshot);
  return snapshot;
}

}  // namespace pg_hello::snapshot
