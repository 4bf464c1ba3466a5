// What an update would do, and how to do it with a second server, as text.
#pragma once

#include <string>
#include <vector>

#include "ctl/finding.h"

namespace pg_hello::ctl {

struct PlannedDatabase {
  std::string name = {};
  std::string version = {};  // installed
  bool staging = false;
};

// One finding "plan" for each step, with its number; then one "blue_green" for each step of the way
// with a second server.
Findings UpdatePlan(const std::vector<PlannedDatabase>& databases, const std::string& version,
                    const std::string& backup_directory);

}  // namespace pg_hello::ctl
