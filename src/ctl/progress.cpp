#include "ctl/progress.h"

#include <unistd.h>

#include <cstdio>

#include "ctl/report.h"

namespace pg_hello::ctl {

StepLog::StepLog(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void StepLog::Step(const std::string& text) {
  if (quiet_) return;
  EndTick();
  std::fprintf(stderr, "pg_helloctl: %s\n", OneLine(text).c_str());
}

void StepLog::Tick(const std::string& text) {
  if (quiet_ || !terminal_) return;
  std::fprintf(stderr, "\r\033[K  %s", OneLine(text).c_str());
  ticking_ = true;
}

void StepLog::EndTick() {
  if (ticking_) std::fputs("\r\033[K", stderr);
  ticking_ = false;
}

std::string PrettySize(unsigned long long bytes) {
  if (bytes < 10 * 1024) return std::to_string(bytes) + " bytes";
  const char* unit = "kB";
  double value = static_cast<double>(bytes) / 1024;
  for (const char* const next : {"MB", "GB", "TB"}) {
    if (value < 10 * 1024) break;
    value /= 1024;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.0f %s", value, unit);
  return text;
}

}  // namespace pg_hello::ctl
