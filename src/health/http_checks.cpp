// Whether those who ask by HTTP are heard.
#include "health/checks.h"
#include "pg_hello/health/health_report.h"

namespace pg_hello::health {
namespace {

using snapshot::Snapshot;

Check Listening(const Snapshot& snapshot) {
  const snapshot::WorkerStats& worker = snapshot.worker;
  Check check{.name = "http:listening"};
  check.rule = "Warns if a configured address is not bound.";
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
  check.rule = "Never warns.";
  check.observed = std::uint64_t{snapshot.worker.connections};
  check.unit = "count";
  return check;
}

Check Refused(const Snapshot& snapshot) {
  const snapshot::WorkerStats& worker = snapshot.worker;
  Check check{.name = "http:refused"};
  check.rule =
      "Warns if a connection was closed in the last 5 min because all of its client's places were "
      "being served.";
  check.observed = worker.connections_refused;
  check.unit = "count";
  check.since_us = worker.started_at_us;
  if (worker.refused_at_us != 0 &&
      AgeUs(snapshot, worker.refused_at_us) <= kRefusedWarnSeconds * kUsPerSecond) {
    check.status = Status::kWarn;
    check.output = "there were more clients than places; who holds them?";
  }
  return check;
}

}  // namespace

void HttpChecks(const Snapshot& snapshot, std::vector<Check>& checks) {
  checks.push_back(Listening(snapshot));
  checks.push_back(Connections(snapshot));
  checks.push_back(Refused(snapshot));
}

// The certificates that are shown to clients: the one of them that expires first.
void CertificateChecks(const Snapshot& snapshot, std::vector<Check>& checks) {
  const std::int64_t expires_at_us = snapshot.worker.certificate_expires_at_us;
  if (expires_at_us == 0) {
    return;
  }
  const std::int64_t left = (expires_at_us - snapshot.taken_at_us) / kUsPerSecond;
  Check check{.name = "tls:certificate"};
  check.rule = "Warns if it expires in less than 14 days, fails when it has expired.";
  check.observed = left;
  check.unit = "s";
  if (left < kCertificateWarnSeconds) {
    check.status = left <= 0 ? Status::kFail : Status::kWarn;
    check.output = left <= 0 ? "the certificate has expired"
                             : "the certificate expires in " + std::to_string(left / 3600) + " h";
  }
  checks.push_back(std::move(check));
}

}  // namespace pg_hello::health
