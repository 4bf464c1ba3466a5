// Whether the worker is at work.
#include "health/checks.h"
#include "pg_hello/health/health_report.h"

namespace pg_hello::health {
namespace {

using snapshot::Snapshot;

Check Uptime(const Snapshot& snapshot) {
  const std::int64_t started_at_us = snapshot.worker.started_at_us;
  const std::uint64_t age_us = started_at_us == 0 ? 0 : AgeUs(snapshot, started_at_us);
  Check check{.name = "worker:uptime"};
  check.rule = "Never warns.";
  check.observed = age_us / kUsPerSecond;
  check.unit = "s";
  check.since_us = started_at_us;
  return check;
}

Check Heartbeat(const Snapshot& snapshot) {
  Check check{.name = kHeartbeat};
  check.rule =
      "Warns if the main loop last turned more than 10 s ago, fails after 60 s or if it never did.";
  if (snapshot.worker.heartbeat_at_us == 0) {
    check.status = Status::kFail;
    check.output = "the worker's main loop has not run since the server started";
    return check;
  }
  const std::uint64_t age_us = AgeUs(snapshot, snapshot.worker.heartbeat_at_us);
  const std::uint64_t age_ms = age_us / 1'000;
  check.observed = static_cast<double>(age_ms) / 1'000.0;
  check.unit = "s";
  if (age_us > kHeartbeatWarnSeconds * kUsPerSecond) {
    check.status = age_us > kHeartbeatFailSeconds * kUsPerSecond ? Status::kFail : Status::kWarn;
    check.output =
        "the worker's main loop last turned " + std::to_string(age_us / kUsPerSecond) + " s ago";
  }
  return check;
}

}  // namespace

void WorkerChecks(const Snapshot& snapshot, std::vector<Check>& checks) {
  checks.push_back(Uptime(snapshot));
  checks.push_back(Heartbeat(snapshot));
}

}  // namespace pg_hello::health
