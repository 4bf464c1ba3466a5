// What ends a piece of work: an exception that carries the finding that is to be printed.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "ctl/finding.h"

namespace pg_hello::ctl {

class Failure : public std::runtime_error {
 public:
  explicit Failure(Finding finding)
      : std::runtime_error(finding.message), finding_(std::move(finding)) {}

  // What is broken, and not only unseen.
  Failure(std::string check, std::string message, std::string hint = "")
      : Failure(Finding{std::move(check), Severity::kCritical, "", std::move(message),
                        std::move(hint)}) {}

  const Finding& finding() const { return finding_; }

 private:
  Finding finding_;
};

}  // namespace pg_hello::ctl
