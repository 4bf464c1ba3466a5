// Whether there is room for all functions that are called.
#include "health/checks.h"
#include "pg_hello/health/health_report.h"

namespace pg_hello::health {
namespace {

using snapshot::Snapshot;

Check Table(const Snapshot& snapshot) {
  const std::uint64_t used = snapshot.functions_used;
  const std::uint64_t limit = snapshot.functions_limit;
  // In tenths, rounded down, so that what is shown as 80 % is 80 %.
  const std::uint64_t tenths = limit == 0 ? 0 : used * 1'000 / limit;
  Check check{.name = "functions:table"};
  check.rule = "Warns from 80 % of pg_hello.max_functions on.";
  check.observed = static_cast<double>(tenths) / 10.0;
  check.unit = "percent";
  if (tenths >= kTableWarnPercent * 10) {
    check.status = Status::kWarn;
    check.output = std::to_string(used) + " of " + std::to_string(limit) +
                   " rows are in use; raise pg_hello.max_functions";
  }
  return check;
}

Check Overflow(const Snapshot& snapshot) {
  const std::uint64_t calls = snapshot.OverflowCalls();
  Check check{.name = "functions:overflow"};
  check.rule = "Warns if calls were not counted since the last reset of all statistics.";
  check.observed = calls;
  check.unit = "count";
  check.since_us = snapshot.stats_reset_us;
  if (calls > 0) {
    check.status = Status::kWarn;
    check.output =
        "calls were not counted because the table was full; raise "
        "pg_hello.max_functions, or reset the statistics";
  }
  return check;
}

}  // namespace

void FunctionChecks(const Snapshot& snapshot, std::vector<Check>& checks) {
  checks.push_back(Table(snapshot));
  checks.push_back(Overflow(snapshot));
}

}  // namespace pg_hello::health
