#include "pg_hello/health/status_history.h"

#include <utility>

namespace pg_hello::health {

void StatusHistory::Observe(HealthReport& report) {
  std::map<std::string, Standing> standings;
  for (Check& check : report.checks) {
    const auto known = standings_.find(check.name);
    const bool changed = known == standings_.end() || known->second.status != check.status;
    check.status_since_us = changed ? report.time_us : known->second.since_us;
    standings[check.name] = {check.status, check.status_since_us};
  }
  standings_ = std::move(standings);
}

}  // namespace pg_hello::health
