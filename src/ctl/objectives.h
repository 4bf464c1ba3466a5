// The service level objectives, and what the server's own counters say about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/finding.h"

namespace pg_hello::ctl {

struct Objectives {
  double p95_ms = 10;          // the 95th percentile of a function's times is below
  double error_percent = 0.1;  // of all calls, those that end in an error are fewer
  bool asked_for = false;      // rather than the server's own, if it has any
};

// A row of the view pg_hello_slo: one of the server's own objectives.
struct ServerObjective {
  std::string name = {};
  double objective = 0;     // share of good calls, less than 1
  std::uint64_t calls = 0;  // in the last hour
  std::uint64_t bad = 0;    // of these
};

// A row of the view pg_hello_stats.
struct FunctionCounters {
  std::string function = {};  // with its argument types
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;           // of these calls
  std::optional<double> p95_ms = {};  // none: no call was timed
};

// A finding "objective" for each, about the whole server.
Findings JudgeServerObjectives(const std::vector<ServerObjective>& objectives);

// One finding "latency", about the slowest function, and one "errors", about all of them together.
Findings JudgeCounters(const std::string& database, const std::vector<FunctionCounters>& functions,
                       const Objectives& objectives);

}  // namespace pg_hello::ctl
