// What stands before a message in the server's log, as log_line_prefix says:
// https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-LINE-PREFIX
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ctl/log_time.h"

namespace pg_hello::ctl {

struct LogPrefix {
  std::optional<UnixMs> time = {};
  std::string pid = {};
  std::string user = {};
  std::string database = {};
  std::string sqlstate = {};
};

// What `text` says if it was written by `format`; nothing if it was not.
std::optional<LogPrefix> MatchPrefix(std::string_view format, std::string_view text);

// What can be told without knowing the format: a time, and a number in brackets for the process.
LogPrefix GuessPrefix(std::string_view text);

}  // namespace pg_hello::ctl
