// The background worker that serves HTTP.
#ifndef PG_HELLO_PG_WORKER_H
#define PG_HELLO_PG_WORKER_H

namespace pg_hello::pg {

// Has the postmaster start the worker, and start it again when it ends. Does nothing under
// pg_upgrade. REQUIRES: the library is being loaded by the postmaster.
void RegisterWorker();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_WORKER_H
