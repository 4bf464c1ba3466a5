#include "ctl/console.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "ctl/report.h"

namespace pg_hello::ctl {

bool Print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

int Print(const Findings& findings, bool json) {
  if (!Print(json ? AsJson(findings) : AsText(findings, OnTerminal()))) {
    return ExitCode(Severity::kUnknown);
  }
  return ExitCode(Worst(findings));
}

bool OnTerminal() { return isatty(STDOUT_FILENO) == 1; }

void Progress(std::string_view line) {
  const std::string text = OneLine(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace pg_hello::ctl
