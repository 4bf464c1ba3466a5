#include "ctl/finding.h"

#include <algorithm>

namespace pg_hello::ctl {
namespace {

int Weight(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return 0;
    case Severity::kWarning:
      return 1;
    case Severity::kUnknown:
      return 2;
    case Severity::kCritical:
      break;
  }
  return 3;
}

}  // namespace

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return "ok";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
    case Severity::kUnknown:
      break;
  }
  return "unknown";
}

Severity Worst(const Findings& findings) {
  const auto worst = std::max_element(findings.begin(), findings.end(),
                                      [](const Finding& left, const Finding& right) {
                                        return Weight(left.severity) < Weight(right.severity);
                                      });
  return worst == findings.end() ? Severity::kUnknown : worst->severity;
}

int ExitCode(Severity severity) { return static_cast<int>(severity); }

}  // namespace pg_hello::ctl
