// Whether objectives are being missed. Never fails: functions that fail are no reason to send
// nothing more to a server.
#include "health/checks.h"
#include "pg_hello/objectives/burn_rate.h"

namespace pg_hello::health {
namespace {

Check BurnCheck(const shared::SloRecord& slo, const char* window_name,
                const measure::Window& window) {
  Check check{.name = std::string("slo:") + slo.name + ":" + window_name};
  check.rule =
      "Warns if the error budget burns at more than 14.4 times its rate both over 5 min and over "
      "1 h, with at least 100 calls in that hour. No calls, no value.";
  if (const auto rate = objectives::BurnRate(window.events, slo.objective_ppb)) {
    check.observed = *rate;
    check.unit = "burn rate";
  }
  check.since_us = slo.since_us;
  if (objectives::BurnsFast(slo)) {
    check.status = Status::kWarn;
    check.output = std::to_string(window.events.bad) + " of " + std::to_string(window.events.all) +
                   " calls failed or were too slow in the last " +
                   std::to_string(window.covered_ms / 1'000) + " s";
  }
  return check;
}

}  // namespace

void SloChecks(const snapshot::Snapshot& snapshot, std::vector<Check>& checks) {
  for (const shared::SloRecord& slo : snapshot.slos) {
    checks.push_back(BurnCheck(slo, "5m", slo.last_5_minutes));
    checks.push_back(BurnCheck(slo, "1h", slo.last_hour));
  }
}

}  // namespace pg_hello::health
