// What pg_hello_info() says about the collector and about the worker that serves metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ctl/finding.h"

namespace pg_hello::ctl {

struct CollectorInfo {
  std::optional<std::int64_t> worker_pid = {};             // none: no worker runs
  std::optional<std::int64_t> heartbeat_age_seconds = {};  // none: its loop has never turned
  std::int64_t worker_restarts = 0;
  bool listening = false;
  std::string listen_addresses = {};
  std::int64_t port = 0;
  std::string listen_error = {};
  std::int64_t tracked_functions = 0;
  std::int64_t max_functions = 0;
  std::int64_t overflow_calls = 0;  // of functions that had no room
};

// A finding for each of "worker", "port" and "room".
Findings JudgeCollector(const CollectorInfo& info);

}  // namespace pg_hello::ctl
