// Runs another program, without a shell.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pg_hello::ctl {

struct Program {
  std::string path;                                              // without a slash: found in PATH
  std::vector<std::string> arguments;                            // without the program itself
  std::vector<std::pair<std::string, std::string>> environment;  // besides our own
  std::vector<std::string> unset = {};                           // of our own
};

// What is called meanwhile; each may be empty.
struct Watcher {
  std::function<void()> tick = {};                              // about once a second
  std::function<void(std::string_view line)> output_line = {};  // of its standard output
  std::function<void(std::string_view line)> error_line = {};   // of its standard error
};

struct Outcome {
  int exit_code = 0;   // 128 + its number if a signal ended it
  int signal = 0;      // that number
  std::string output;  // what it wrote to standard output and standard error: the last 64 kB each
  std::string errors;
};

// Waits until it has ended. Its standard input is empty. When we are asked to stop, it is told so
// by SIGTERM, and killed if that has not helped after 30 s; and it ends when we are killed. Throws
// a Failure if it cannot be started.
Outcome RunProgram(const Program& program, const Watcher& watcher = {});

// Like RunProgram(); throws a Failure with the program's own words unless it exits with 0, or if we
// have been asked to stop.
Outcome MustRun(const std::string& check, const Program& program,
                const std::function<void()>& tick = {});

}  // namespace pg_hello::ctl
