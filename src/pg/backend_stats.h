// This backend's call stack and counters, for those in the shell who record calls. Zero until the
// first call; a backend that calls no tracked function pays for none of it.
#ifndef PG_HELLO_PG_BACKEND_STATS_H
#define PG_HELLO_PG_BACKEND_STATS_H

#include "pg_hello/measure/tick_clock.h"
#include "pg_hello/pending/call_stack.h"
#include "pg_hello/pending/pending_stats.h"

namespace pg_hello::pg {

extern pending::CallStack<measure::TickClock> call_stack;
extern pending::PendingStats pending_stats;

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_BACKEND_STATS_H
