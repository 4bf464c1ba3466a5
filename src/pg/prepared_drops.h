// Functions whose drop was prepared for two-phase commit.
#ifndef PG_HELLO_PG_PREPARED_DROPS_H
#define PG_HELLO_PG_PREPARED_DROPS_H

namespace pg_hello::pg {

// Watches COMMIT PREPARED in every session, chained to whoever else does. REQUIRES: the library is
// being loaded by the postmaster.
void WatchPreparedTransactions();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_PREPARED_DROPS_H
