// Counts calls by role as well (pg_hello.track_roles).
#ifndef PG_HELLO_PG_ROLE_CALLS_H
#define PG_HELLO_PG_ROLE_CALLS_H

namespace pg_hello::pg {

// From now on this process' calls are counted by role, or no longer. At any time.
void CountRoles(bool wanted);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_ROLE_CALLS_H
