// What long work is doing now, on standard error.
#pragma once

#include <string>

namespace pg_hello::ctl {

class StepLog {
 public:
  explicit StepLog(bool quiet);

  // A line for each step, wherever standard error leads.
  void Step(const std::string& text);

  // How far the step has come; seen on a terminal only, and overwritten by what comes next.
  void Tick(const std::string& text);

 private:
  void EndTick();

  bool quiet_;
  bool terminal_;
  bool ticking_ = false;
};

// "17 bytes", "12 kB", "34 GB": as pg_size_pretty() does it.
std::string PrettySize(unsigned long long bytes);

}  // namespace pg_hello::ctl
