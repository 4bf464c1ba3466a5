// Since when each check has had the status that it has. A snapshot is of one moment and cannot
// tell; who looks again and again can. It knows of a change from the first look after it on.
#ifndef PG_HELLO_HEALTH_STATUS_HISTORY_H
#define PG_HELLO_HEALTH_STATUS_HISTORY_H

#include <cstdint>
#include <map>
#include <string>

#include "pg_hello/health/health_report.h"

namespace pg_hello::health {

// Not thread-safe.
class StatusHistory {
 public:
  // Takes a report with all checks, and fills in their status_since_us. Checks that are no longer
  // there are forgotten. May throw std::bad_alloc.
  void Observe(HealthReport& report);

 private:
  struct Standing {
    Status status;
    std::int64_t since_us;
  };
  std::map<std::string, Standing> standings_;  // by the check's name
};

}  // namespace pg_hello::health

#endif  // PG_HELLO_HEALTH_STATUS_HISTORY_H
