// What in the server's log concerns pg_hello, each thing once, however often it was said.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/finding.h"
#include "ctl/log_decoder.h"

namespace pg_hello::ctl {

struct LogEvent {
  std::string check =
      {};  // "load", "crash", "worker", "collector", "extension", "fatal", "error", "warning"
  Severity severity = Severity::kWarning;
  LogEntry entry = {};  // the first one
  std::uint64_t count = 1;
  std::optional<UnixMs> first = {};
  std::optional<UnixMs> last = {};
};

// The event that an entry is, or nothing if it does not concern pg_hello. Crashes of any process of
// the server do: whatever crashes one restarts all of them.
std::optional<LogEvent> Classify(const LogEntry& entry);

// Entries that differ in nothing but numbers are one event.
class LogEvents {
 public:
  // True: nothing like it was seen before.
  bool Add(const LogEntry& entry);

  // The event that the last Add() was about.
  const LogEvent& latest() const { return events_[latest_]; }

  // In the order in which they were first seen.
  const std::vector<LogEvent>& all() const { return events_; }

 private:
  std::vector<LogEvent> events_;
  std::map<std::string, std::size_t> index_;
  std::size_t latest_ = 0;
};

// As `health` shows findings.
Finding AsFinding(const LogEvent& event);

// One JSON object on one line, for a SIEM.
std::string AsJsonLine(const LogEvent& event);

}  // namespace pg_hello::ctl
