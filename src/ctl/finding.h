// What a subcommand has found out, one thing each, and what all of it comes to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pg_hello::ctl {

// The values are the exit codes that monitoring systems know:
// https://www.monitoring-plugins.org/doc/guidelines.html#AEN78
enum class Severity { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };

struct Finding {
  std::string check = {};  // for machines: "installed", "latency", ...
  Severity severity = Severity::kOk;
  std::string database = {};  // empty: it concerns the whole server
  std::string message = {};   // one line
  std::string hint = {};      // what to do about it, one line; empty if there is nothing to do
};

using Findings = std::vector<Finding>;

// "ok", "warning", "critical" or "unknown".
std::string_view Name(Severity severity);

// What is certainly broken outweighs what could not be seen, which outweighs a warning. Nothing
// found at all is kUnknown: then nothing has been looked at.
Severity Worst(const Findings& findings);

int ExitCode(Severity severity);

}  // namespace pg_hello::ctl
