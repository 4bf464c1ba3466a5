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
#include "storage/backendid.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
}

namespace pg_hello::pg {

// This process' number among all that can run functions, from 0; negative if it has none.
inline int BackendNumber() { return MyBackendId - 1; }

// The same of the process that leads this one, a parallel worker; negative if this is none.
inline int LeaderBackendNumber() { return IsParallelWorker() ? ParallelLeaderBackendId - 1 : -1; }

// How many such processes there can be. Known when shared memory is requested.
inline int MaxBackendNumbers() { return MaxBackends; }

using TreeWalker = bool (*)(Node*, void*);

// Visits the children of a raw parse tree's node until `walker` says true.
inline bool WalkRawTree(Node* node, TreeWalker walker, void* context) {
  // Declared without parameters in 15: a prototype of C before C23.
  auto* untyped = reinterpret_cast<void*>(walker);
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(untyped), context);
}

// The object that a commit record's list of dropped statistics names.
inline Oid StatsItemObject(const xl_xact_stats_item& item) { return item.objoid; }

// Whether dropping the database began and was not finished. Minor versions differ in whether the
// headers know.
inline bool IsInvalidDatabase(const FormData_pg_database* database) {
  constexpr int kInvalid = -2;  // DATCONNLIMIT_INVALID_DB
  return database->datconnlimit == kInvalid;
}

// A set of events to wait for that lives as long as the process.
inline WaitEventSet* MakeWaitEventSet(int events) {
  return CreateWaitEventSet(TopMemoryContext, events);
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_COMPAT_H
