// The two hooks of the function manager.
#ifndef PG_HELLO_PG_FMGR_HOOKS_H
#define PG_HELLO_PG_FMGR_HOOKS_H

namespace pg_hello::pg {

// Installs needs_fmgr_hook and fmgr_hook, in front of whoever has them. REQUIRES: the library is
// being loaded by the postmaster; hooks that came and went while calls are open would see half of
// them.
void InstallFmgrHooks();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_FMGR_HOOKS_H
