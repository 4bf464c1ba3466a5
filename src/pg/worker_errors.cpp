// A worker's error reaches the leader as a message that does not say where it began, so the worker
// leaves a note in the leader's slot before it sends it. The note is valid until the leader's
// (sub)transaction has been aborted: PostgreSQL waits there for the workers, so none can leave one
// afterwards.
#include "pg/worker_errors.h"

#include "pg/compat.h"
#include "pg/pg.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/xact.h"
}

namespace pg_hello::pg {

namespace {

std::atomic<std::int32_t>& NoteOf(int backend_number) {
  return shared_stats->slot(static_cast<std::uint32_t>(backend_number)).worker_error;
}

void DropNote() { NoteOf(BackendNumber()).store(0, std::memory_order_relaxed); }

extern "C" {

static void TransactionEnded(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) {
    DropNote();
  }
}

static void SubtransactionEnded(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    DropNote();
  }
}

}  // extern "C"

}  // namespace

void WatchWorkerErrors() {
  DropNote();
  RegisterXactCallback(TransactionEnded, nullptr);
  RegisterSubXactCallback(SubtransactionEnded, nullptr);
}

void TellLeader(int sqlstate) {
  if (const int leader = LeaderBackendNumber(); leader >= 0) {
    NoteOf(leader).store(sqlstate, std::memory_order_relaxed);
  }
}

bool BeganInWorker(int sqlstate) {
  std::int32_t noted = sqlstate;
  return NoteOf(BackendNumber()).compare_exchange_strong(noted, 0, std::memory_order_relaxed);
}

}  // namespace pg_hello::pg
