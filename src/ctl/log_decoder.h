// The server's log, whichever way it is written, as entries.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ctl/log_prefix.h"
#include "ctl/log_time.h"

namespace pg_hello::ctl {

enum class LogFormat { kStderr, kCsv, kJson };

struct LogEntry {
  std::optional<UnixMs> time = {};
  std::string level = {};  // "LOG", "ERROR", ...; empty: not written by PostgreSQL's own ways
  std::string sqlstate = {};
  std::string database = {};
  std::string user = {};
  std::string pid = {};
  std::string message = {};
  std::string detail = {};
  std::string hint = {};
  std::string context = {};
};

// By the file's name, else by its first line.
LogFormat GuessLogFormat(std::string_view path, std::string_view first_line);

// Takes lines, in their order; gives entries. Statements are left out: they are the users' own.
class LogDecoder {
 public:
  using Sink = std::function<void(const LogEntry&)>;

  // `prefix` is log_line_prefix; empty if it is not known.
  LogDecoder(LogFormat format, std::string prefix, Sink sink);

  void Line(std::string_view line);  // without its line break
  void Flush();                      // no more lines for now: what there is of an entry is all

 private:
  void StderrLine(std::string_view line);
  void CsvLine(std::string_view line);
  void JsonLine(std::string_view line);
  void Put(const std::string& pid, LogEntry entry);

  LogFormat format_;
  std::string prefix_;
  Sink sink_;
  std::map<std::string, LogEntry> open_;  // by process: its details are still to come
  std::string* last_text_ = nullptr;      // of an open entry; where a continued line belongs
  std::string record_;                    // of a CSV file, whose quotes are not closed yet
};

}  // namespace pg_hello::ctl
