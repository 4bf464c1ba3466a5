// Functions and databases that a standby drops because its primary has.
#ifndef PG_HELLO_PG_REPLAYED_DROPS_H
#define PG_HELLO_PG_REPLAYED_DROPS_H

namespace pg_hello::pg {

// Watches the replay of the write-ahead log. REQUIRES: the library is being loaded by the
// postmaster.
void WatchReplay();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_REPLAYED_DROPS_H
