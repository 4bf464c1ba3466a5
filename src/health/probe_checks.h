// What the probes of databases have found. A file of its own: there are as many as databases.
#ifndef PG_HELLO_HEALTH_PROBE_CHECKS_H
#define PG_HELLO_HEALTH_PROBE_CHECKS_H

#include <vector>

#include "pg_hello/health/health_report.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::health {

// Appends probes:rounds, and one probes:database:NAME for each probed database; none if there are
// no probes.
void ProbeChecks(const snapshot::Snapshot& snapshot, std::vector<Check>& checks);

}  // namespace pg_hello::health

#endif  // PG_HELLO_HEALTH_PROBE_CHECKS_H
