// Calls of set-returning functions: one call per call as the user wrote it.
#ifndef PG_HELLO_PG_SET_CALLS_H
#define PG_HELLO_PG_SET_CALLS_H

#include "pg/call_site.h"
#include "pg/pg.h"
#include "pg_hello/shared/counters.h"

namespace pg_hello::pg {

// The function of a set-returning call site is about to be entered. Raises no error.
void EnterSet(CallSite* site);

// It has been left, having taken `sample`; a set that is complete is recorded. `failed`: by an
// error, after which there will be no more.
void LeaveSet(CallSite* site, const shared::CallSample& sample, bool failed);

// No more rows will be asked for: what there was, if anything, is recorded.
void FinishSet(CallSite* site);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SET_CALLS_H
