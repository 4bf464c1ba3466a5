// Another program, run to its end.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pg_hello::ctl {

struct ChildRequest {
  std::vector<std::string> command = {};  // the program, found on PATH, and its arguments
  std::vector<std::pair<std::string, std::string>> environment =
      {};                                               // in place of ours of that name
  std::vector<std::string> unset = {};                  // of our environment
  std::function<void(std::string_view line)> out = {};  // of its standard output
  std::function<void(std::string_view line)> err = {};  // of its standard error
};

struct ChildEnd {
  bool started = false;
  int exit_code = -1;  // none if a signal ended it
  int signal = 0;
  std::string message = {};  // why it could not be started
};

// Waits for its end. If StopWanted(), passes SIGTERM on, once, and goes on waiting.
ChildEnd RunChild(const ChildRequest& request);

}  // namespace pg_hello::ctl
