// A database whose probes fail is a warning: the server has others, and should not be taken out of
// service for it.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "health/checks.h"
#include "pg_hello/health/health_report.h"

namespace pg_hello::health {
namespace {

constexpr std::int64_t kUsPerMs = 1'000;
constexpr std::string_view kOfDatabase = "probes:database:";
constexpr char kDatabaseRule[] = "Warns if a probe fails.";

Check Rounds(const snapshot::Snapshot& snapshot) {
  const snapshot::ProbeRounds& rounds = snapshot.probe_rounds;
  Check check{.name = "probes:rounds"};
  check.rule = "Warns after three intervals and 30 s, or if there is no free worker slot.";
  const bool none_yet = rounds.last_round_us == 0;
  const std::int64_t since_us = none_yet ? rounds.enabled_us : rounds.last_round_us;
  const std::int64_t age_us = std::max(snapshot.taken_at_us - since_us, std::int64_t{0});
  if (!none_yet) {
    const std::int64_t age_ms = age_us / kUsPerMs;
    check.observed = static_cast<double>(age_ms) / 1'000.0;
    check.unit = "s";
  }
  const std::int64_t limit_us = kProbeRoundsWarnIntervals * rounds.interval_ms * kUsPerMs +
                                kProbeRoundsGraceSeconds * kUsPerSecond;
  if (rounds.lacks_slot) {
    check.status = Status::kWarn;
    check.output = "databases are not probed: no free background worker slot";
  } else if (age_us > limit_us && !(none_yet && snapshot.server.in_recovery)) {
    check.status = Status::kWarn;
    check.output =
        "no round of probes has been completed for " + std::to_string(age_us / 1'000'000) + " s";
  }
  return check;
}

Check Database(const snapshot::ProbedDatabase& database) {
  Check check{.name = std::string(kOfDatabase) + database.datname};
  check.rule = kDatabaseRule;
  std::uint64_t failing = 0;
  for (std::size_t i = 0; i < database.results.size(); ++i) {
    const shared::ProbeResult& result = database.results[i];
    if (result.state == shared::ProbeState::kFailed) {
      ++failing;
      check.status = Status::kWarn;
      check.output += (check.output.empty() ? "" : "; ") + std::string(shared::kProbeNames[i]) +
                      ": " + result.text;
    }
  }
  check.observed = failing;
  check.unit = "count";
  return check;
}

}  // namespace

void ProbeChecks(const snapshot::Snapshot& snapshot, std::vector<Check>& checks) {
  if (snapshot.probe_rounds.interval_ms == 0) {
    return;
  }
  checks.push_back(Rounds(snapshot));
  for (const snapshot::ProbedDatabase& database : snapshot.probed_databases) {
    checks.push_back(Database(database));
  }
}

void HideDatabases(HealthReport& report) {
  Check together{.name = "probes:database"};
  together.rule = kDatabaseRule;
  together.unit = "count";
  std::uint64_t failing = 0;
  const auto hidden = std::erase_if(report.checks, [&](const Check& check) {
    if (!check.name.starts_with(kOfDatabase)) {
      return false;
    }
    failing += std::get<std::uint64_t>(check.observed);
    if (check.status > together.status) {
      together.output = "a probe of a database fails";
      together.status_since_us = 0;
    }
    together.status = std::max(together.status, check.status);
    if (check.status == together.status) {
      together.status_since_us = std::max(together.status_since_us, check.status_since_us);
    }
    return true;
  });
  if (hidden > 0) {
    together.observed = failing;
    report.checks.push_back(std::move(together));
  }
}

}  // namespace pg_hello::health
