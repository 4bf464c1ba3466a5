// Whether the server takes work, and which.
#include "health/checks.h"

namespace pg_hello::health {
namespace {

using snapshot::Snapshot;

Check PostgresStatus(const Snapshot& snapshot) {
  const std::string& status = snapshot.server.postmaster_status;
  Check check{.name = kPostgresStatus};
  check.rule = "Fails unless the postmaster says \"ready\" or \"standby\".";
  check.observed = status.empty() ? "unknown" : status;
  if (status != "ready" && status != "standby") {
    check.status = Status::kFail;
    check.output = "PostgreSQL's status is " + (status.empty() ? std::string("unknown") : status);
  }
  return check;
}

// A standby is well.
Check Recovery(const Snapshot& snapshot) {
  Check check{.name = "postgres:recovery"};
  check.rule = "Never warns.";
  check.observed = snapshot.server.in_recovery;
  return check;
}

}  // namespace

void PostgresChecks(const Snapshot& snapshot, std::vector<Check>& checks) {
  checks.push_back(PostgresStatus(snapshot));
  checks.push_back(Recovery(snapshot));
}

}  // namespace pg_hello::health
