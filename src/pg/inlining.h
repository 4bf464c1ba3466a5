// Which SQL functions the planner might replace by their body.
#ifndef PG_HELLO_PG_INLINING_H
#define PG_HELLO_PG_INLINING_H

#include "pg/pg.h"

extern "C" {
#include "access/htup.h"
}

namespace pg_hello::pg {

// Whether the planner would inline some call of this function, which must be in LANGUAGE sql. Asks
// what inline_function() and inline_set_returning_function() (optimizer/util/clauses.c) ask of the
// function alone; what depends on the call, or on more than the body's grammar, is taken to
// allow it. So "no" is certain and "yes" is not: tracking a function for which the answer is no
// changes no plan. REQUIRES: a transaction. Raises no error of its own.
bool MayBeInlined(HeapTuple procedure);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_INLINING_H
