// What the counts of an objective mean.
//
// Source: Google, The Site Reliability Workbook, chapter 5 "Alerting on SLOs". The error budget is
// the share of events that may be bad, one minus the objective. A burn rate of 1 uses it up exactly
// over the period for which it is meant; at 14.4, one hour uses up what is meant for 14.4 hours, 2
// % of 30 days.
#ifndef PG_HELLO_OBJECTIVES_BURN_RATE_H
#define PG_HELLO_OBJECTIVES_BURN_RATE_H

#include <cstdint>
#include <optional>

#include "pg_hello/measure/event_ring.h"
#include "pg_hello/shared/slo_board.h"

namespace pg_hello::objectives {

inline constexpr double kFastBurn = 14.4;
// With fewer events in an hour, single bad ones would make all the difference.
inline constexpr std::uint64_t kFewEvents = 100;

// The share of bad events as a multiple of the share that may be bad; nothing if there were no
// events. REQUIRES: objective_ppb < 10^9.
std::optional<double> BurnRate(const measure::Events& events, std::uint64_t objective_ppb);

// What is left of the budget for the events that were counted so far: 1 if none was bad, less than
// 0 if the objective is missed; nothing if there were no events.
std::optional<double> BudgetLeft(const shared::SloRecord& slo);

// Whether the budget burns at more than kFastBurn in both windows, that is for long enough to
// matter and still now, and there are enough events to say so.
bool BurnsFast(const shared::SloRecord& slo);

}  // namespace pg_hello::objectives

#endif  // PG_HELLO_OBJECTIVES_BURN_RATE_H
