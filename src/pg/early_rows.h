// Rows of functions that nobody has called yet: the extension's own and those that
// pg_hello.metrics_pinned names, if pg_hello.track includes them. So their series are there from
// the start, with zeros, and an alert on them needs no first call.
//
// The worker sees no catalog, so sessions make these rows:
//   - one that creates or alters such a function, when it commits;
//   - the first one that runs a statement in a database after the server has started, or after
//     either setting has changed.
// The latter looks at every user's function if any is pinned, which takes about 6 us for each.
//
// So a database in which nothing has been run since then has the rows that were there before. Nor
// has a function whose creation was prepared for two-phase commit one before its first call. One
// that another session drops at the very moment at which a database is looked at can keep a row
// with zeros.
#ifndef PG_HELLO_PG_EARLY_ROWS_H
#define PG_HELLO_PG_EARLY_ROWS_H

namespace pg_hello::pg {

// Chained to whoever else uses the same hooks. REQUIRES: the library is being loaded by the
// postmaster.
void InstallEarlyRowsHooks();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_EARLY_ROWS_H
