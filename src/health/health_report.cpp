// All checks together, and what is made of them; the checks themselves are in checks.h.
#include "pg_hello/health/health_report.h"

#include <algorithm>
#include <array>
#include <utility>

#include "health/checks.h"

namespace pg_hello::health {
namespace {

// In the order in which they are shown.
constexpr std::array<Checks*, 7> kAllChecks = {WorkerChecks,   HttpChecks, CertificateChecks,
                                               FunctionChecks, SloChecks,  PostgresChecks,
                                               ProbeChecks};

void Judge(HealthReport& report) {
  report.status = Status::kPass;
  for (const Check& check : report.checks) {
    report.status = std::max(report.status, check.excluded ? Status::kPass : check.status);
  }
}

bool StandsFor(std::string_view name, const Check& check) {
  return check.name.starts_with(name) && !name.empty() &&
         (check.name.size() == name.size() || check.name[name.size()] == ':');
}

}  // namespace

const char* ToString(Status status) {
  switch (status) {
    case Status::kPass:
      return "pass";
    case Status::kWarn:
      return "warn";
    case Status::kFail:
      break;
  }
  return "fail";
}

HealthReport MakeReport(const snapshot::Snapshot& snapshot) {
  HealthReport report;
  report.time_us = snapshot.taken_at_us;
  report.release_id = snapshot.server.library_version;
  for (Checks* const add : kAllChecks) {
    add(snapshot, report.checks);
  }
  Judge(report);
  return report;
}

void Exclude(std::string_view name, HealthReport& report) {
  for (Check& check : report.checks) {
    check.excluded = check.excluded || StandsFor(name, check);
  }
  Judge(report);
}

bool Keep(std::string_view name, HealthReport& report) {
  std::erase_if(report.checks, [name](const Check& check) { return !StandsFor(name, check); });
  Judge(report);
  return !report.checks.empty();
}

bool DecidesReadiness(const Check& check) {
  return check.name == kPostgresStatus || check.name == kHeartbeat;
}

bool IsReady(const HealthReport& report) {
  return std::none_of(report.checks.begin(), report.checks.end(), [](const Check& check) {
    return check.status == Status::kFail && !check.excluded && DecidesReadiness(check);
  });
}

std::string ReadyText(const HealthReport& report, bool verbose) {
  const bool ready = IsReady(report);
  if (ready && !verbose) {
    return "ok\n";
  }
  std::string text;
  for (const Check& check : report.checks) {
    if (!DecidesReadiness(check)) {
      continue;
    }
    if (check.status == Status::kFail && !check.excluded) {
      text.append("[-]").append(check.name).append(" failed: ").append(check.output).append("\n");
    } else if (verbose) {
      text.append("[+]").append(check.name).append(check.excluded ? " excluded: ok\n" : " ok\n");
    }
  }
  return text.append(ready ? "readyz check passed\n" : "readyz check failed\n");
}

}  // namespace pg_hello::health
