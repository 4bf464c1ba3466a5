#include "pg_hello/objectives/burn_rate.h"

namespace pg_hello::objectives {
namespace {

constexpr std::uint64_t kWhole = 1'000'000'000;

bool Exceeds(const measure::Window& window, std::uint64_t objective_ppb, double rate) {
  return BurnRate(window.events, objective_ppb).value_or(0) > rate;
}

}  // namespace

std::optional<double> BurnRate(const measure::Events& events, std::uint64_t objective_ppb) {
  if (events.all == 0) {
    return std::nullopt;
  }
  const double bad = static_cast<double>(events.bad) / static_cast<double>(events.all);
  return bad * static_cast<double>(kWhole) / static_cast<double>(kWhole - objective_ppb);
}

std::optional<double> BudgetLeft(const shared::SloRecord& slo) {
  const std::optional<double> used = BurnRate(slo.total, slo.objective_ppb);
  return used ? std::optional(1 - *used) : std::nullopt;
}

bool BurnsFast(const shared::SloRecord& slo) {
  return slo.last_hour.events.all >= kFewEvents &&
         Exceeds(slo.last_5_minutes, slo.objective_ppb, kFastBurn) &&
         Exceeds(slo.last_hour, slo.objective_ppb, kFastBurn);
}

}  // namespace pg_hello::objectives
