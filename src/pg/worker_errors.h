// Errors of parallel workers. The leader of the query raises them again: its functions fail, too,
// but the error began in the worker.
#ifndef PG_HELLO_PG_WORKER_ERRORS_H
#define PG_HELLO_PG_WORKER_ERRORS_H

namespace pg_hello::pg {

// Makes this process ready to lead. Once in a process, when it has taken its slot.
void WatchWorkerErrors();

// An error has begun in a function of this process. Matters in a parallel worker, whose leader will
// hear of it; does nothing elsewhere.
void TellLeader(int sqlstate);

// Whether the error that leaves the innermost function here has been counted where it began, by one
// of this process' workers. Asked once for each error.
bool BeganInWorker(int sqlstate);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_WORKER_ERRORS_H
