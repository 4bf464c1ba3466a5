// The life of the worker: one loop that waits for signals, the postmaster's death and sockets in
// one call, and never for anything else.
//
// It has shared memory and no database connection, so DROP DATABASE and CREATE DATABASE ...
// TEMPLATE never wait for it and it runs during recovery and on standbys. Its death by a crash
// would be the cluster's: it has no threads, and no exception leaves serving.cpp.
//
//   SIGHUP    re-read the settings, the certificate and the token, rebind if addresses, port, TLS
//             or the Unix socket have changed
//   SIGTERM   end at once, with exit code 1: at shutdown nobody starts it again, otherwise the
//             postmaster does
//   SIGUSR1   the postmaster has started or buried a visitor (probe_launcher.h): look after them
//   SIGINT, SIGUSR2, SIGALRM, SIGPIPE   nothing
//   SIGQUIT   PostgreSQL's: the server is going down hard
#include "pg/worker.h"

#include <csignal>

#include "pg/compat.h"
#include "pg/objectives.h"
#include "pg/pg.h"
#include "pg/probe_launcher.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"

extern "C" {
#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/wait_event.h"
}

namespace pg_hello::pg {

namespace {

constexpr int kRestartAfterSeconds = 5;

// The loop turns at least this often: the heartbeat that others judge it by.
constexpr std::int64_t kHeartbeatMs = 1000;

std::int64_t NowMs() { return static_cast<std::int64_t>(measure::MonotonicNs() / 1'000'000); }

extern "C" {

static void MarkStopped(int, Datum) {
  shared::WorkerStatus& worker = shared_stats->worker;
  worker.pid.store(0, std::memory_order_relaxed);
  worker.port.store(0, std::memory_order_relaxed);
  worker.listening.store(0, std::memory_order_relaxed);
  worker.connections.store(0, std::memory_order_relaxed);
  worker.requests_in_flight.store(0, std::memory_order_relaxed);
  worker.listen_text.Publish(shared::ListenText{});
}

}  // extern "C"

void MarkStarted() {
  shared::WorkerStatus& worker = shared_stats->worker;
  worker.starts.fetch_add(1, std::memory_order_relaxed);
  worker.started_at_us.store(UnixTimeUs(), std::memory_order_relaxed);
  worker.heartbeat_at_us.store(UnixTimeUs(), std::memory_order_relaxed);
  worker.longest_turn_ns.store(0, std::memory_order_relaxed);
  worker.connections_refused.store(0, std::memory_order_relaxed);
  worker.refused_at_us.store(0, std::memory_order_relaxed);
  worker.pid.store(static_cast<std::uint32_t>(MyProcPid), std::memory_order_relaxed);
  on_shmem_exit(MarkStopped, Datum{0});
}

// What became of the listeners goes to the log, once for each change.
void LogServingNews() {
  ServingNews news{};
  while (NextServingNews(&news)) {
    ereport(news.warning ? WARNING : LOG, (errmsg("pg_hello: %s", news.message),
                                           news.hint != nullptr ? errhint("%s", news.hint) : 0));
  }
}

void LogFullTable() {
  std::uint64_t overflow = 0;
  for (std::uint32_t i = 0; i < shared_stats->databases_end(); ++i) {
    overflow += shared_stats->database(i).overflow_calls.load(std::memory_order_relaxed);
  }
  // What was counted before a restart was reported then, and perhaps cured by it.
  if (overflow > shared_stats->overflow_loaded.load(std::memory_order_relaxed) &&
      shared_stats->full_reported.exchange(1) == 0) {
    ereport(WARNING, (errmsg("pg_hello: the table of functions is full"),
                      errdetail("Calls of further functions are not tracked, only counted as "
                                "overflow."),
                      errhint("Increase \"pg_hello.max_functions\" (now %d) and restart the "
                              "server.",
                              settings.max_functions)));
  }
}

// Once for each turn in which there were some: what it was, the log of nobody else says.
void LogInternalErrors() {
  const std::uint64_t errors = shared_stats->internal_errors.load(std::memory_order_relaxed);
  const std::uint64_t told = shared_stats->internal_errors_told.load(std::memory_order_relaxed);
  if (errors != told) {
    const int sqlstate = shared_stats->internal_error_sqlstate.load(std::memory_order_relaxed);
    ereport(
        WARNING,
        (errmsg("pg_hello: internal errors have left calls uncounted or names as they were"),
         errdetail("There were %llu since the last message, the last one with SQLSTATE %s.",
                   static_cast<unsigned long long>(errors - told), unpack_sql_state(sqlstate))));
    shared_stats->internal_errors_told.store(errors, std::memory_order_relaxed);
  }
}

void SetSignalHandlers() {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  pqsignal(SIGINT, SIG_IGN);
  pqsignal(SIGUSR1, procsignal_sigusr1_handler);
  pqsignal(SIGUSR2, SIG_IGN);
  pqsignal(SIGALRM, SIG_IGN);
  pqsignal(SIGPIPE, SIG_IGN);
  BackgroundWorkerUnblockSignals();
}

void ReloadSettings() {
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
  Listen(NowMs());
}

}  // namespace

}  // namespace pg_hello::pg

extern "C" {

#pragma GCC visibility push(default)
PGDLLEXPORT void pg_hello_worker_main(Datum argument);
#pragma GCC visibility pop

void pg_hello_worker_main(Datum) {
  using namespace pg_hello::pg;

  SetSignalHandlers();
  MarkStarted();
  if (!StartServing(NowMs()) || !StartProbing()) {
    ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("pg_hello: could not start serving")));
  }

  WaitEventSet* events = MakeWaitEventSet(3);
  AddWaitEventToSet(events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  AddWaitEventToSet(events, WL_SOCKET_READABLE, ServingDescriptor(), nullptr, nullptr);

  while (!ShutdownRequestPending) {
    if (ConfigReloadPending) {
      ReloadSettings();
    }
    Serve(NowMs());
    Probe(NowMs());
    LogServingNews();
    LogFullTable();
    LogInternalErrors();
    if (CountObjectives(NowMs())) {
      WatchHealth();
    }
    shared_stats->worker.heartbeat_at_us.store(UnixTimeUs(), std::memory_order_relaxed);

    WaitEvent event{};  // untouched by a timeout
    const std::int64_t now_ms = NowMs();
    const std::int64_t timeout_ms =
        ServingTimeoutMs(now_ms, ProbingTimeoutMs(now_ms, kHeartbeatMs));
    WaitEventSetWait(events, static_cast<long>(timeout_ms), &event, 1, PG_WAIT_EXTENSION);
    if ((event.events & WL_LATCH_SET) != 0) {
      ResetLatch(MyLatch);
    }
  }
  StopServing();
  proc_exit(1);
}

}  // extern "C"

namespace pg_hello::pg {

void RegisterWorker() {
  if (IsBinaryUpgrade) {
    return;
  }
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
  worker.bgw_start_time = BgWorkerStart_PostmasterStart;
  worker.bgw_restart_time = kRestartAfterSeconds;
  strlcpy(worker.bgw_library_name, "pg_hello", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, "pg_hello_worker_main", sizeof(worker.bgw_function_name));
  strlcpy(worker.bgw_name, "pg_hello metrics", sizeof(worker.bgw_name));
  strlcpy(worker.bgw_type, "pg_hello metrics", sizeof(worker.bgw_type));
  RegisterBackgroundWorker(&worker);
}

}  // namespace pg_hello::pg
