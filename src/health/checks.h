// The checks, a file for each component. To add some: write a function of this form and put it into
// the list in health_report.cpp, docs/health.md and its test.
#ifndef PG_HELLO_SRC_HEALTH_CHECKS_H
#define PG_HELLO_SRC_HEALTH_CHECKS_H

#include <cstdint>
#include <vector>

#include "pg_hello/health/check.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::health {

inline constexpr std::int64_t kUsPerSecond = 1'000'000;

// 0 if `then_us` lies ahead: the system's clock was set back.
inline std::uint64_t AgeUs(const snapshot::Snapshot& snapshot, std::int64_t then_us) {
  return snapshot.taken_at_us > then_us ? static_cast<std::uint64_t>(snapshot.taken_at_us) -
                                              static_cast<std::uint64_t>(then_us)
                                        : 0;
}

// Appends its checks: as many as apply to what the snapshot shows.
using Checks = void(const snapshot::Snapshot& snapshot, std::vector<Check>& checks);

Checks WorkerChecks;       // worker:uptime, worker:heartbeat
Checks HttpChecks;         // http:listening, http:connections, http:refused
Checks CertificateChecks;  // tls:certificate, if there is one
Checks FunctionChecks;     // functions:table, functions:overflow
Checks SloChecks;          // slo:NAME:5m and slo:NAME:1h for each objective
Checks PostgresChecks;     // postgres:status, postgres:recovery
Checks ProbeChecks;        // probes:rounds, probes:database:NAME for each; none without probes

inline constexpr char kHeartbeat[] = "worker:heartbeat";
inline constexpr char kPostgresStatus[] = "postgres:status";

}  // namespace pg_hello::health

#endif  // PG_HELLO_SRC_HEALTH_CHECKS_H
