// A subtransaction would do it too, but there are none in parallel queries, a conflict with
// recovery inside one ends the session, and others' callbacks would see it. So what a look-up can
// hold is given a resource owner of its own, and what no owner knows is given back as
// AbortSubTransaction() does it.
#include "pg/contained.h"

#include "pg/compat.h"
#include "pg/pg.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/xloginsert.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/elog.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"
}

namespace pg_hello::pg {

namespace {

bool MayBeForgotten(int sqlstate) {
  return sqlstate != ERRCODE_QUERY_CANCELED && sqlstate != ERRCODE_T_R_SERIALIZATION_FAILURE &&
         ProcDiePending == 0;
}

// On success all is given back already but locks, which go to the caller's owner.
void Release(ResourceOwner owner, bool success) {
  ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, success, false);
  ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, success, false);
  ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, success, false);
  ResourceOwnerDelete(owner);
}

void GiveBack(ResourceOwner owner) {
  LWLockReleaseAll();
  pgstat_report_wait_end();
  ConditionVariableCancelSleep();
  AbortBufferReads();
  UnlockBuffers();
  XLogResetInsertion();
  LockErrorCleanup();
  if (owner != nullptr) {
    Release(owner, false);
  }
}

}  // namespace

void CountInternalError(int sqlstate) {
  if (shared_stats == nullptr) {
    return;
  }
  shared_stats->internal_errors.fetch_add(1, std::memory_order_relaxed);
  shared_stats->internal_error_sqlstate.store(sqlstate, std::memory_order_relaxed);
}

bool RunContained(void (*work)(void*), void* argument) {
  // Raising an error sets it to 0, whatever was held.
  const bool holds_locks = InterruptHoldoffCount > 0;
  MemoryContext context = CurrentMemoryContext;
  ResourceOwner owner = CurrentResourceOwner;
  ResourceOwner volatile own = nullptr;
  volatile bool done = true;
  PG_TRY();
  {
    own = ResourceOwnerCreate(owner, "pg_hello");
    CurrentResourceOwner = own;
    work(argument);
    CurrentResourceOwner = owner;
  }
  PG_CATCH();
  {
    done = false;
    CurrentResourceOwner = owner;  // who is above gives back what is in ours
    const int sqlstate = geterrcode();
    CountInternalError(sqlstate);
    if (holds_locks || !MayBeForgotten(sqlstate)) {
      PG_RE_THROW();
    }
    MemoryContextSwitchTo(context);
    FlushErrorState();
    GiveBack(own);
  }
  PG_END_TRY();
  if (done) {
    Release(own, true);
  }
  return done;
}

}  // namespace pg_hello::pg
