// A database that also has counters is shown by the name that it has there.
#include "snapshot/read_probes.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

namespace pg_hello::snapshot {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::string NameOf(const shared::ProbedDatabase& row, const std::vector<DatabaseStats>& databases) {
  const auto known =
      std::find_if(databases.begin(), databases.end(),
                   [&row](const DatabaseStats& database) { return database.dbid == row.dbid; });
  return known != databases.end() ? known->datname : row.name.datname;
}

}  // namespace

void ReadProbes(const shared::ProbeBoard& board, Snapshot& snapshot) {
  std::unordered_set<std::string> names;
  const std::uint32_t end = board.rows_end.load(std::memory_order_acquire);
  for (std::uint32_t number = 0; number < end; ++number) {
    shared::ProbedDatabase row;
    if (!board.rows[number].ReadInto(row) || row.dbid == 0) {
      continue;
    }
    ProbedDatabase probed{row.dbid, NameOf(row, snapshot.databases), row.visited_us, row.results};
    // Names repeat for a moment when one database is renamed to a dropped one's name.
    while (!names.insert(probed.datname).second) {
      probed.datname += "~" + std::to_string(probed.dbid);
    }
    snapshot.probed_databases.push_back(std::move(probed));
  }
  std::sort(snapshot.probed_databases.begin(), snapshot.probed_databases.end(),
            [](const ProbedDatabase& a, const ProbedDatabase& b) { return a.datname < b.datname; });

  ProbeRounds& rounds = snapshot.probe_rounds;
  rounds.interval_ms = board.interval_ms.load(kRelaxed);
  rounds.enabled_us = board.enabled_us.load(kRelaxed);
  rounds.last_round_us = board.last_round_us.load(kRelaxed);
  rounds.lacks_slot = board.lacks_slot.load(kRelaxed) != 0;
  for (std::size_t i = 0; i < rounds.not_probed.size(); ++i) {
    rounds.not_probed[i] = board.not_probed[i].load(kRelaxed);
  }
}

}  // namespace pg_hello::snapshot
