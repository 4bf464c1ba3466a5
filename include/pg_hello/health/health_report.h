// Whether pg_hello and its server are well, judged from a snapshot. Separate from the exposition
// because it judges, and from the endpoints because the rules are the same whoever asks.
//
// The checks, in this order:
//
//   name              observed                      unit     warn                  fail
//   worker:uptime     since the worker's start      s
//   worker:heartbeat  since the main loop's turn    s        > 10 s                > 60 s or none
//   http:listening    addresses in use                       one is not bound
//   http:connections  open connections              count
//   functions:table   rows in use                   percent  >= 80 %
//   functions:overflow  calls not counted since     count    > 0
//                     the last reset
//   postgres:status   the postmaster's state                                       not "ready" or
//                                                                                  "standby"
//   probes:rounds     since the last round         s        > 3 intervals and 30 s,
//                                                            or no worker slot
//   probes:database:NAME  probes that fail          count    > 0
//
// The last two are there with pg_hello.probe_interval only.
//
// The report's status is the worst of its checks'. A standby is well.
//
// Source of the JSON: draft-inadarei-api-health-check-06 (names of checks are "component:
// measurement"; "pass" and "warn" go with HTTP 200, "fail" with 503). Source of the plain text:
// the Kubernetes API server's /readyz.
#ifndef PG_HELLO_HEALTH_HEALTH_REPORT_H
#define PG_HELLO_HEALTH_HEALTH_REPORT_H

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::health {

inline constexpr char kJsonContentType[] = "application/health+json";

inline constexpr std::int64_t kHeartbeatWarnSeconds = 10;
inline constexpr std::int64_t kHeartbeatFailSeconds = 60;
inline constexpr std::uint64_t kTableWarnPercent = 80;
inline constexpr std::int64_t kProbeRoundsWarnIntervals = 3;
inline constexpr std::int64_t kProbeRoundsGraceUs = 30'000'000;

// Ordered: the worse, the greater.
enum class Status : std::uint8_t { kPass, kWarn, kFail };

// "pass", "warn" or "fail".
const char* ToString(Status status);

struct Check {
  std::string name;  // "component:measurement", and more after a further colon. UTF-8
  Status status = Status::kPass;
  std::variant<std::monostate, std::uint64_t, double, std::string> observed = {};
  const char* unit = "";      // of `observed`; a literal, empty if it has none
  std::string output = {};    // why it does not pass; empty if it does
  std::int64_t since_us = 0;  // what is counted is counted since then (Unix epoch), 0: not counted
};

struct HealthReport {
  Status status = Status::kPass;
  std::vector<Check> checks;  // all that apply
  std::int64_t time_us = 0;   // when it was observed, microseconds since the Unix epoch
  std::string release_id;     // the library's version
};

// Throws std::bad_alloc only.
HealthReport MakeReport(const snapshot::Snapshot& snapshot);

// application/health+json with a LF at the end. "version" is that of this format, "releaseId" the
// library's; "since" is our own addition. Bytes that are not UTF-8 become U+FFFD; throws
// std::bad_alloc only.
std::string ToJson(const HealthReport& report);

// Whether the server can be sent work: neither postgres:status nor worker:heartbeat fails.
bool IsReady(const HealthReport& report);

// "ok" if the report is ready. Otherwise, or if `verbose`, a line "[+]name ok" or
// "[-]name failed: why" for each of the two checks (if not verbose, of the failing ones) and a last
// line with the verdict.
std::string ReadyText(const HealthReport& report, bool verbose);

}  // namespace pg_hello::health

#endif  // PG_HELLO_HEALTH_HEALTH_REPORT_H
