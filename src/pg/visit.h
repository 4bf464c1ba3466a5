// The visit that this process, a visitor, is making: what it was told, what it has found so far,
// and how much time it has. Its report is complete at any moment at which the process may end.
//
// All of it is plain: errors and the process' end jump over anything at any time.
#ifndef PG_HELLO_PG_VISIT_H
#define PG_HELLO_PG_VISIT_H

#include "pg/pg.h"
#include "pg/probe_visitor.h"
#include "pg_hello/shared/probe_board.h"

namespace pg_hello::pg {

// False if the visit is not wanted any more. From then on the lane is left when the process ends.
bool TakeVisit(const VisitorArguments& arguments);

// The database to be visited; InvalidOid: the databases are to be listed.
Oid VisitedDatabase();

// From now on the visit is cancelled when its time is used up, and this process ended half a second
// later. REQUIRES: signals are unblocked.
void StartVisitClock();

shared::VisitReport* PresentReport();

void BeginProbe(shared::ProbeKind kind);
// The outcome of the probe that is being made.
shared::ProbeOutcome* PresentOutcome();
// It is done, and what its outcome's text says, unless it took too long.
void FinishProbe();
// An error has ended it. FATAL errors end the visit as well, and any error ends one that lists.
void TakeError(int sqlstate, const char* message);
void TakeFatal(int sqlstate, const char* message);

// The visit is over. What has not been probed is not any more, for this reason.
void ConcludeVisit(shared::VisitEnd end, const char* reason);
bool VisitIsOver();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_VISIT_H
