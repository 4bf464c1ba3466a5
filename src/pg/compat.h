// All that differs between the supported versions of PostgreSQL (15 to 18), so that nothing else
// asks for PG_VERSION_NUM.
#ifndef PG_HELLO_PG_COMPAT_H
#define PG_HELLO_PG_COMPAT_H

#include "pg/pg.h"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "nodes/nodeFuncs.h"
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#else
#include "storage/backendid.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#elif PG_VERSION_NUM < 160000
#include "storage/bufmgr.h"
#endif
#include "storage/latch.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif
#include "tcop/utility.h"
#include "utils/memutils.h"
}

// From 18 on a library can say what it is; pg_get_loaded_modules() shows it.
#if PG_VERSION_NUM >= 180000
#define PG_HELLO_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "pg_hello", .version = PG_HELLO_VERSION)
#else
#define PG_HELLO_MODULE_MAGIC PG_MODULE_MAGIC
#endif

namespace pg_hello::pg {

// This process' number among all that can run functions, from 0; negative if it has none.
inline int BackendNumber() {
#if PG_VERSION_NUM >= 170000
  return MyProcNumber;
#else
  return MyBackendId - 1;
#endif
}

// The same of the process that leads this one, a parallel worker; negative if this is none.
inline int LeaderBackendNumber() {
#if PG_VERSION_NUM >= 170000
  return ParallelLeaderProcNumber;
#else
  return IsParallelWorker() ? ParallelLeaderBackendId - 1 : -1;
#endif
}

// How many such processes there can be. Known when shared memory is requested.
inline int MaxBackendNumbers() { return MaxBackends; }

using TreeWalker = bool (*)(Node*, void*);

// Visits the children of a raw parse tree's node until `walker` says true.
inline bool WalkRawTree(Node* node, TreeWalker walker, void* context) {
#if PG_VERSION_NUM >= 160000
  return raw_expression_tree_walker(node, walker, context);
#else
  // Declared without parameters: a prototype of C before C23.
  auto* untyped = reinterpret_cast<void*>(walker);
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(untyped), context);
#endif
}

// Ends reads of buffers that an error has interrupted, as far as no resource owner knows them.
inline void AbortBufferReads() {
#if PG_VERSION_NUM >= 180000
  pgaio_error_cleanup();
#elif PG_VERSION_NUM < 160000
  AbortBufferIO();
#endif
}

// The object that a commit record's list of dropped statistics names.
inline Oid StatsItemObject(const xl_xact_stats_item& item) {
#if PG_VERSION_NUM >= 180000
  return static_cast<Oid>(item.objid_lo);  // wider for statistics of others; functions' are oids
#else
  return item.objoid;
#endif
}

// Whether dropping the database began and was not finished. Minor versions differ in whether the
// headers know.
inline bool IsInvalidDatabase(const FormData_pg_database* database) {
  constexpr int kInvalid = -2;  // DATCONNLIMIT_INVALID_DB
  return database->datconnlimit == kInvalid;
}

// A set of events to wait for that lives as long as the process.
inline WaitEventSet* MakeWaitEventSet(int events) {
#if PG_VERSION_NUM >= 170000
  return CreateWaitEventSet(nullptr, events);  // of no resource owner
#else
  return CreateWaitEventSet(TopMemoryContext, events);
#endif
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_COMPAT_H
