// PostgreSQL is called with nothing of C++ open: the schedule hands out plain actions.
#include "pg/probe_launcher.h"

#include <cstdio>
#include <cstring>

#include "pg/pg.h"
#include "pg/probe_visitor.h"
#include "pg/server_state.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg_hello/probing/schedule.h"

extern "C" {
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "postmaster/bgworker.h"
}

namespace pg_hello::pg {

namespace {

// Never destroyed: the process' exit may run while it is in use.
probing::Schedule* schedule = nullptr;
probing::Announcement* telling = nullptr;

BackgroundWorkerHandle* handles[shared::kProbeLanes];

probing::Config PresentConfig() {
  return {settings.probe_interval, static_cast<std::uint32_t>(settings.probe_timeout)};
}

// Runs `work`; for lack of memory it is left undone until the next turn.
template <typename Work>
bool Succeeds(Work work) noexcept {
  try {
    return work();
  } catch (...) {
    return false;
  }
}

// Whether visitors could connect.
bool ServerIsOpen() {
  const ServerFacts facts = ReadServerFacts();
  const bool serves = std::strcmp(facts.postmaster_status, "ready") == 0 ||
                      std::strcmp(facts.postmaster_status, "standby") == 0;
  return serves && (!facts.in_recovery || HotStandbyActive());
}

void NoticeEnded(const probing::Now& now) {
  for (std::uint32_t lane = 0; lane < shared::kProbeLanes; ++lane) {
    pid_t pid = 0;
    if (handles[lane] != nullptr && GetBackgroundWorkerPid(handles[lane], &pid) == BGWH_STOPPED) {
      pfree(handles[lane]);
      handles[lane] = nullptr;
      Succeeds([&] { return schedule->Ended(lane, now), true; });
    }
  }
}

// False if there is no worker slot.
bool StartVisitor(const probing::Action& action) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = MyProcPid;
  strlcpy(worker.bgw_library_name, "pg_hello", sizeof(worker.bgw_library_name));
  strlcpy(worker.bgw_function_name, kVisitorFunction, sizeof(worker.bgw_function_name));
  std::snprintf(worker.bgw_name, sizeof(worker.bgw_name),
                action.dbid != 0 ? "pg_hello probe of database %u" : "pg_hello probe", action.dbid);
  strlcpy(worker.bgw_type, "pg_hello probe", sizeof(worker.bgw_type));
  const VisitorArguments arguments{action.lane, action.ticket};
  static_assert(sizeof(arguments) <= sizeof(worker.bgw_extra));
  std::memcpy(worker.bgw_extra, &arguments, sizeof(arguments));
  return RegisterDynamicBackgroundWorker(&worker, &handles[action.lane]);
}

void Do(const probing::Action& action, const probing::Now& now) {
  if (action.kind == probing::Action::Kind::kStart) {
    const bool started = StartVisitor(action);
    Succeeds([&] { return schedule->Started(action, started, now), true; });
  } else if (handles[action.lane] != nullptr) {
    TerminateBackgroundWorker(handles[action.lane]);
  }
}

void LogChanges() {
  while (Succeeds([] { return schedule->NextAnnouncement(telling); })) {
    const int level = telling->is_fault ? WARNING : LOG;
    if (telling->hint != nullptr) {
      ereport(level,
              (errmsg("pg_hello: %s", telling->message.c_str()), errhint("%s", telling->hint)));
    } else {
      ereport(level, (errmsg("pg_hello: %s", telling->message.c_str())));
    }
  }
}

}  // namespace

bool StartProbing() noexcept {
  return Succeeds([] {
    schedule = new probing::Schedule(*shared_stats);
    telling = new probing::Announcement{};
    return true;
  });
}

void Probe(std::int64_t now_ms) {
  const probing::Now now{now_ms, UnixTimeUs()};
  NoticeEnded(now);
  const probing::Config config = PresentConfig();
  const bool open = schedule->RoundIsDue(now, config) && ServerIsOpen();
  probing::Action action{};
  while (Succeeds([&] { return schedule->Next(now, config, open, &action); })) {
    Do(action, now);
  }
  LogChanges();
}

std::int64_t ProbingTimeoutMs(std::int64_t now_ms, std::int64_t at_most_ms) noexcept {
  return schedule->TimeoutMs({now_ms, 0}, PresentConfig(), at_most_ms);
}

}  // namespace pg_hello::pg
