#include "ctl/collector_verdict.h"

namespace pg_hello::ctl {
namespace {

// As in the endpoint's own health report.
constexpr std::int64_t kLateSeconds = 10;
constexpr std::int64_t kStuckSeconds = 60;

Finding JudgeWorker(const CollectorInfo& info) {
  Finding finding{.check = "worker"};
  if (!info.worker_pid) {
    finding.severity = Severity::kCritical;
    finding.message = "the worker does not run: no metrics are served";
    finding.hint = "the server's log says why; is max_worker_processes large enough?";
    return finding;
  }
  const std::string worker = "the worker, process " + std::to_string(*info.worker_pid) + ",";
  if (!info.heartbeat_age_seconds || *info.heartbeat_age_seconds > kLateSeconds) {
    const bool stuck = !info.heartbeat_age_seconds || *info.heartbeat_age_seconds > kStuckSeconds;
    finding.severity = stuck ? Severity::kCritical : Severity::kWarning;
    finding.message =
        worker + (info.heartbeat_age_seconds
                      ? " last turned " + std::to_string(*info.heartbeat_age_seconds) + " s ago"
                      : " has not turned yet");
    finding.hint = "end it with pg_terminate_backend(): the server starts another one";
    return finding;
  }
  finding.message = worker + " runs";
  if (info.worker_restarts > 0) {
    finding.severity = Severity::kWarning;
    finding.message += ", and was restarted " + std::to_string(info.worker_restarts) +
                       " times since the server's start";
    finding.hint = "the server's log says why it ended";
  }
  return finding;
}

Finding JudgePort(const CollectorInfo& info) {
  Finding finding{.check = "port"};
  if (info.listening && info.listen_error.empty()) {
    finding.message =
        "metrics are served on " + info.listen_addresses + ", port " + std::to_string(info.port);
    return finding;
  }
  if (info.listen_error.empty()) {
    finding.severity = Severity::kWarning;
    finding.message = "metrics are served nowhere";
    finding.hint = "set pg_hello.listen_addresses, and reload";
    return finding;
  }
  finding.severity = info.listening ? Severity::kWarning : Severity::kCritical;
  finding.message =
      (info.listening ? "metrics are not served everywhere: " : "metrics are not served: ") +
      info.listen_error;
  finding.hint = "free the address, or set pg_hello.port or pg_hello.listen_addresses, and reload";
  return finding;
}

Finding JudgeRoom(const CollectorInfo& info) {
  Finding finding{.check = "room"};
  finding.message = std::to_string(info.tracked_functions) + " of at most " +
                    std::to_string(info.max_functions) + " functions are tracked";
  if (info.overflow_calls > 0) {
    finding.severity = Severity::kWarning;
    finding.message +=
        "; " + std::to_string(info.overflow_calls) + " calls of others were not counted";
    finding.hint = "raise pg_hello.max_functions, and restart the server";
  }
  return finding;
}

}  // namespace

Findings JudgeCollector(const CollectorInfo& info) {
  return {JudgeWorker(info), JudgePort(info), JudgeRoom(info)};
}

}  // namespace pg_hello::ctl
