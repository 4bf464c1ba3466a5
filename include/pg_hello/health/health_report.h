// Whether pg_hello and its server are well, judged from a snapshot. Separate from the exposition's
// formats because it judges, and from the endpoints because the rules are the same whoever asks.
//
// The checks and their rules are in docs/health.md. The report's status is the worst of its
// checks'.
//
// Source of the JSON: draft-inadarei-api-health-check-06 (names of checks are "component:
// measurement"; "pass" and "warn" go with HTTP 200, "fail" with 503). Source of the plain text and
// of excluding: the Kubernetes API server's /readyz.
#ifndef PG_HELLO_HEALTH_HEALTH_REPORT_H
#define PG_HELLO_HEALTH_HEALTH_REPORT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/health/check.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::health {

inline constexpr char kJsonContentType[] = "application/health+json";

inline constexpr std::int64_t kHeartbeatWarnSeconds = 10;
inline constexpr std::int64_t kHeartbeatFailSeconds = 60;
inline constexpr std::uint64_t kTableWarnPercent = 80;
inline constexpr std::int64_t kRefusedWarnSeconds = 300;
inline constexpr std::int64_t kCertificateWarnSeconds = std::int64_t{14} * 24 * 3600;
inline constexpr std::int64_t kProbeRoundsWarnIntervals = 3;
inline constexpr std::int64_t kProbeRoundsGraceSeconds = 30;

struct HealthReport {
  Status status = Status::kPass;
  std::vector<Check> checks;
  std::int64_t time_us = 0;  // when it was observed, microseconds since the Unix epoch
  std::string release_id;    // the library's version
};

// All checks that apply. A summary of a snapshot suffices, and gives the same report as the whole.
// Throws std::bad_alloc only.
HealthReport MakeReport(const snapshot::Snapshot& snapshot);

// A name stands for the check of that name, and for those whose name it is the beginning of, up to
// a colon: "http" for "http:listening" and its like.
//
// What is excluded is no longer judged. A name that stands for nothing changes nothing.
void Exclude(std::string_view name, HealthReport& report);
// Leaves nothing but that. False, and then nothing is left, if it stands for nothing.
bool Keep(std::string_view name, HealthReport& report);

// For those who may not know which databases there are: one check "probes:database" in place of
// those of each. The report's status stays what it was.
void HideDatabases(HealthReport& report);

// application/health+json with a LF at the end, without what is excluded. "version" is that of this
// format, "releaseId" the library's; "since" and "statusSince" are our own additions, and so is
// "rule", which is there if `verbose`. Bytes that are not UTF-8 become U+FFFD; throws
// std::bad_alloc only.
std::string ToJson(const HealthReport& report, bool verbose = false);

// Whether a check decides if the server can be sent work: postgres:status and worker:heartbeat.
bool DecidesReadiness(const Check& check);

// Whether the server can be sent work: none of the checks that decide it fails.
bool IsReady(const HealthReport& report);

// "ok" if the report is ready. Otherwise, or if `verbose`, a line "[+]name ok",
// "[+]name excluded: ok" or "[-]name failed: why" for each check that decides readiness (if not
// verbose, for the failing ones) and a last line with the verdict.
std::string ReadyText(const HealthReport& report, bool verbose);

}  // namespace pg_hello::health

#endif  // PG_HELLO_HEALTH_HEALTH_REPORT_H
