// Where PostgreSQL enters the library, and in which order it is set up.
#include "pg/catalog_changes.h"
#include "pg/compat.h"
#include "pg/early_rows.h"
#include "pg/extension_version.h"
#include "pg/fmgr_hooks.h"
#include "pg/pg.h"
#include "pg/prepared_drops.h"
#include "pg/replayed_drops.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg/worker.h"

#pragma GCC visibility push(default)
extern "C" {

PG_HELLO_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
  using namespace pg_hello::pg;

  DefineSessionSettings();
  // Loaded later, by a session that calls one of the functions, the library greets and nothing
  // else: there is no shared memory to be had any more.
  if (!process_shared_preload_libraries_in_progress) {
    return;
  }
  DefineServerSettings();
  InstallSharedMemoryHooks();
  InstallFmgrHooks();
  WatchCatalogChanges();
  WatchPreparedTransactions();
  WatchReplay();
  InstallEarlyRowsHooks();
  WatchExtensionVersion();
  RegisterWorker();
}

}  // extern "C"
#pragma GCC visibility pop
