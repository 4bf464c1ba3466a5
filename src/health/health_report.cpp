// The checks and their JSON; the rules themselves are in health_report.h.
#include "pg_hello/health/health_report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pg_hello::health {
namespace {

using Json = nlohmann::ordered_json;
using snapshot::Snapshot;

constexpr char kFormatVersion[] = "1";
constexpr char kHeartbeat[] = "worker:heartbeat";
constexpr char kPostgresStatus[] = "postgres:status";

// The checks that decide whether work can be sent.
constexpr std::array<std::string_view, 2> kReadyChecks = {kPostgresStatus, kHeartbeat};

constexpr std::int64_t kUsPerSecond = 1'000'000;

// 0 if `then_us` lies ahead: the system's clock was set back.
std::uint64_t AgeUs(const Snapshot& snapshot, std::int64_t then_us) {
  return snapshot.taken_at_us > then_us ? static_cast<std::uint64_t>(snapshot.taken_at_us) -
                                              static_cast<std::uint64_t>(then_us)
                                        : 0;
}

Check Uptime(const Snapshot& snapshot) {
  const std::int64_t started_at_us = snapshot.worker.started_at_us;
  const std::uint64_t age_us = started_at_us == 0 ? 0 : AgeUs(snapshot, started_at_us);
  Check check{.name = "worker:uptime"};
  check.observed = age_us / kUsPerSecond;
  check.unit = "s";
  check.since_us = started_at_us;
  return check;
}

Check Heartbeat(const Snapshot& snapshot) {
  Check check{.name = kHeartbeat};
  if (snapshot.worker.heartbeat_at_us == 0) {
    check.status = Status::kFail;
    check.output = "the worker's main loop has not run since the server started";
    return check;
  }
  const std::uint64_t age_us = AgeUs(snapshot, snapshot.worker.heartbeat_at_us);
  check.observed = static_cast<double>(age_us / 1'000) / 1'000.0;
  check.unit = "s";
  if (age_us > kHeartbeatWarnSeconds * kUsPerSecond) {
    check.status = age_us > kHeartbeatFailSeconds * kUsPerSecond ? Status::kFail : Status::kWarn;
    check.output =
        "the worker's main loop last turned " + std::to_string(age_us / kUsPerSecond) + " s ago";
  }
  return check;
}

Check Listening(const Snapshot& snapshot) {
  const snapshot::WorkerStats& worker = snapshot.worker;
  Check check{.name = "http:listening"};
  check.observed = worker.listen_addresses;
  if (!worker.listening || !worker.listen_error.empty()) {
    check.status = Status::kWarn;
    // Why names files, and everybody is answered here.
    check.output = "not all is served as configured; pg_hello_info() and the server's log say why";
  }
  return check;
}

Check Connections(const Snapshot& snapshot) {
  Check check{.name = "http:connections"};
  check.observed = std::uint64_t{snapshot.worker.connections};
  check.unit = "count";
  return check;
}

Check Table(const Snapshot& snapshot) {
  const std::uint64_t used = snapshot.functions_used;
  const std::uint64_t limit = snapshot.functions_limit;
  // In tenths, rounded down, so that what is shown as 80 % is 80 %.
  const std::uint64_t tenths = limit == 0 ? 0 : used * 1'000 / limit;
  Check check{.name = "functions:table"};
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
  std::uint64_t calls = 0;
  for (const snapshot::DatabaseStats& database : snapshot.databases) {
    calls += database.overflow_calls;
  }
  Check check{.name = "functions:overflow"};
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

Check PostgresStatus(const Snapshot& snapshot) {
  const std::string& status = snapshot.server.postmaster_status;
  Check check{.name = kPostgresStatus};
  check.observed = status.empty() ? "unknown" : status;
  if (status != "ready" && status != "standby") {
    check.status = Status::kFail;
    check.output = "PostgreSQL's status is " + (status.empty() ? std::string("unknown") : status);
  }
  return check;
}

void AppendPadded(std::uint32_t number, std::size_t width, std::string& out) {
  char digits[10];
  char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  const auto length = static_cast<std::size_t>(end - digits);
  out.append(width > length ? width - length : 0, '0');
  out.append(digits, length);
}

// RFC 3339 in UTC with milliseconds; for the years 0 to 9999.
std::string Rfc3339(std::int64_t us) {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  const std::chrono::sys_time<microseconds> time{microseconds(us)};
  const auto midnight = floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss<milliseconds> clock(floor<milliseconds>(time - midnight));
  std::string text;
  AppendPadded(static_cast<std::uint32_t>(std::max(0, static_cast<int>(date.year()))), 4, text);
  text.push_back('-');
  AppendPadded(static_cast<unsigned>(date.month()), 2, text);
  text.push_back('-');
  AppendPadded(static_cast<unsigned>(date.day()), 2, text);
  text.push_back('T');
  AppendPadded(static_cast<std::uint32_t>(clock.hours().count()), 2, text);
  text.push_back(':');
  AppendPadded(static_cast<std::uint32_t>(clock.minutes().count()), 2, text);
  text.push_back(':');
  AppendPadded(static_cast<std::uint32_t>(clock.seconds().count()), 2, text);
  text.push_back('.');
  AppendPadded(static_cast<std::uint32_t>(clock.subseconds().count()), 3, text);
  text.push_back('Z');
  return text;
}

Json ToJsonObject(const Check& check, const std::string& time) {
  Json object;
  object["status"] = ToString(check.status);
  std::visit(
      [&object](const auto& observed) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(observed)>, std::monostate>) {
          object["observedValue"] = observed;
        }
      },
      check.observed);
  if (*check.unit != '\0') {
    object["observedUnit"] = check.unit;
  }
  if (check.since_us != 0) {
    object["since"] = Rfc3339(check.since_us);
  }
  object["time"] = time;
  if (!check.output.empty()) {
    object["output"] = check.output;
  }
  return object;
}

bool DecidesReadiness(const Check& check) {
  return std::find(kReadyChecks.begin(), kReadyChecks.end(), check.name) != kReadyChecks.end();
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

HealthReport MakeReport(const Snapshot& snapshot) {
  HealthReport report;
  report.time_us = snapshot.taken_at_us;
  report.release_id = snapshot.server.library_version;
  report.checks = {Uptime(snapshot),        Heartbeat(snapshot), Listening(snapshot),
                   Connections(snapshot),   Table(snapshot),     Overflow(snapshot),
                   PostgresStatus(snapshot)};
  for (const Check& check : report.checks) {
    report.status = std::max(report.status, check.status);
  }
  return report;
}

std::string ToJson(const HealthReport& report) {
  const std::string time = Rfc3339(report.time_us);
  Json checks = Json::object();
  for (const Check& check : report.checks) {
    checks[check.name] = Json::array({ToJsonObject(check, time)});
  }
  Json document;
  document["status"] = ToString(report.status);
  document["version"] = kFormatVersion;
  document["releaseId"] = report.release_id;
  document["checks"] = std::move(checks);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool IsReady(const HealthReport& report) {
  return std::none_of(report.checks.begin(), report.checks.end(), [](const Check& check) {
    return check.status == Status::kFail && DecidesReadiness(check);
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
    if (check.status == Status::kFail) {
      text.append("[-]").append(check.name).append(" failed: ").append(check.output).append("\n");
    } else if (verbose) {
      text.append("[+]").append(check.name).append(" ok\n");
    }
  }
  return text.append(ready ? "readyz check passed\n" : "readyz check failed\n");
}

}  // namespace pg_hello::health
