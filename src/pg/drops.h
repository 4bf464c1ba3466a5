// Functions and databases that are dropped lose their rows when the drop commits.
#ifndef PG_HELLO_PG_DROPS_H
#define PG_HELLO_PG_DROPS_H

namespace pg_hello::pg {

// Watches drops in every session, chained to whoever else does. A drop in a transaction that is
// prepared for two-phase commit is not followed: that function's row stays, over clean restarts too
// (pg_hello.save).
// REQUIRES: the library is being loaded by the postmaster.
void InstallDropHooks();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_DROPS_H
