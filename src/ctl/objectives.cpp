#include "ctl/objectives.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace pg_hello::ctl {
namespace {

// As %.4g, and never in a locale's own way: the program sets none.
std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Finding JudgeLatency(const std::string& database, const std::vector<FunctionCounters>& functions,
                     double limit_ms) {
  Finding finding{.check = "latency", .database = database};
  const auto slowest =
      std::max_element(functions.begin(), functions.end(),
                       [](const FunctionCounters& left, const FunctionCounters& right) {
                         return left.p95_ms.value_or(-1) < right.p95_ms.value_or(-1);
                       });
  if (slowest == functions.end() || !slowest->p95_ms) {
    finding.message = "no call of its functions was timed yet";
    return finding;
  }
  const bool met = *slowest->p95_ms < limit_ms;
  finding.severity = met ? Severity::kOk : Severity::kWarning;
  finding.message = "p95 of " + slowest->function + " is " + Number(*slowest->p95_ms) + " ms, " +
                    (met ? "below" : "not below") + " " + Number(limit_ms) + " ms";
  return finding;
}

Finding JudgeErrors(const std::string& database, const std::vector<FunctionCounters>& functions,
                    double limit_percent) {
  Finding finding{.check = "errors", .database = database};
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  for (const FunctionCounters& function : functions) {
    calls += function.calls;
    errors += function.errors;
  }
  if (calls == 0) {
    finding.message = "no call of its functions was counted yet";
    return finding;
  }
  const double percent = 100.0 * static_cast<double>(errors) / static_cast<double>(calls);
  const bool met = percent < limit_percent;
  finding.severity = met ? Severity::kOk : Severity::kWarning;
  finding.message = std::to_string(errors) + " of " + std::to_string(calls) +
                    " calls ended in an error (" + Number(percent) + " %), " +
                    (met ? "below" : "not below") + " " + Number(limit_percent) + " %";
  return finding;
}

}  // namespace

Findings JudgeServerObjectives(const std::vector<ServerObjective>& objectives) {
  Findings findings;
  for (const ServerObjective& one : objectives) {
    Finding finding{.check = "objective"};
    finding.message = "objective \"" + one.name + "\": ";
    if (one.calls == 0) {
      finding.message += "no calls in the last hour";
    } else {
      const double allowed = 1 - one.objective;
      const double share = static_cast<double>(one.bad) / static_cast<double>(one.calls);
      const bool met = share <= allowed;
      finding.severity = met ? Severity::kOk : Severity::kWarning;
      finding.message += std::to_string(one.bad) + " of " + std::to_string(one.calls) +
                         " calls in the last hour failed or were too slow (" + Number(100 * share) +
                         " %), " + (met ? "not more" : "more") + " than " + Number(100 * allowed) +
                         " %";
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings JudgeCounters(const std::string& database, const std::vector<FunctionCounters>& functions,
                       const Objectives& objectives) {
  return {JudgeLatency(database, functions, objectives.p95_ms),
          JudgeErrors(database, functions, objectives.error_percent)};
}

}  // namespace pg_hello::ctl
