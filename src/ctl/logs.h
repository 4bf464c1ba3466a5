// The subcommand `logs`: what the server's log has about pg_hello.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/log_decoder.h"
#include "ctl/log_events.h"
#include "ctl/log_files.h"

namespace pg_hello::ctl {

struct LogsRequest {
  std::vector<std::string> files;  // empty: the server is asked where its log is
  std::string prefix;              // log_line_prefix of the files
  std::optional<UnixMs> since;     // entries before are left out
  bool follow = false;
};

// Where a log is, and how to read it.
struct LogPlace {
  std::vector<LogSet> sets = {};        // with all their old files
  std::vector<std::string> files = {};  // these alone
  std::string prefix = {};
  std::string time_zone = {};  // empty: the process' own
  std::optional<LogFormat> format = {};
};

// Asks the server; false, and a finding, if it does not say or is on another machine.
bool FindServerLog(const Target& target, LogPlace& place, Findings& findings);

// Sets the process' time zone to the log's. Adds to `findings` what could not be read.
void ReadLog(const LogPlace& place, std::optional<UnixMs> since, LogEvents& events,
             Findings& findings);

struct FollowHooks {
  std::function<bool()> stop;                     // asked several times a second
  std::function<void(const LogEvent&)> happened;  // something that was not seen before
  std::function<void(const Finding&)> trouble;    // something that could not be read
};

// Reads what comes until it is told to stop, and with `since` first what is there. Loses nothing
// when files are renamed, made anew, or copied and truncated.
void FollowLog(const LogPlace& place, std::optional<UnixMs> since, LogEvents& events,
               const FollowHooks& hooks);

}  // namespace pg_hello::ctl
