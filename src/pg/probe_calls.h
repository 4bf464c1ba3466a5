// What is looked at in a database that is being visited.
//
// The visitor is connected as the bootstrap superuser, and databases belong to others. So nothing
// is looked up by name in a schema that others may write to, and no SQL text is parsed: a function
// is called by the oid of the extension's member, with its owner's rights and under the
// restrictions that PostgreSQL's own maintenance commands have for that.
#ifndef PG_HELLO_PG_PROBE_CALLS_H
#define PG_HELLO_PG_PROBE_CALLS_H

#include "pg/pg.h"
#include "pg_hello/shared/probe_board.h"

namespace pg_hello::pg {

// Takes away what the database's settings, which are its owner's to choose, could do to a visit,
// and has nothing counted that is called. REQUIRES: connected, no transaction.
void NeutralizeSettings();

// The probes. REQUIRE: a transaction with a snapshot. What is wrong goes to `outcome->text`, which
// is left empty if nothing is, or is an error for the caller; `report` learns what else was found.
// They set outcome->duration_ns if it is not that of the whole.
void ProbeExtension(shared::VisitReport* report, shared::ProbeOutcome* outcome);
void ProbeVersion(shared::VisitReport* report, shared::ProbeOutcome* outcome);
void ProbeGreet(shared::VisitReport* report, shared::ProbeOutcome* outcome);
void ProbeNowMs(shared::VisitReport* report, shared::ProbeOutcome* outcome);
void ProbeSpiVersion(shared::VisitReport* report, shared::ProbeOutcome* outcome);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_PROBE_CALLS_H
