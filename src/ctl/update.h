// The subcommand `update`: ALTER EXTENSION pg_hello UPDATE in many databases.
#pragma once

#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"

namespace pg_hello::ctl {

struct UpdateRequest {
  std::vector<std::string> databases = {};  // empty: all that have the extension
  std::vector<std::string> staging = {};    // first of all
  std::string version = {};                 // empty: the one that the server would make
  std::string backup_directory = {};
  bool backup = true;
  std::string state_file = {};  // empty: in the directory of backups
  int lock_timeout_seconds = 30;
  bool plan = false;
  std::string bindir = {};
  bool quiet = false;
};

// A backup of them all, then one database after the other, each in one transaction that commits
// only if the functions answer then and no row is lost; ends at the first that fails, which is as
// it was. Called again, it goes on there, without another backup. `plan`: only says what it would
// do.
Findings Update(const Target& target, const UpdateRequest& request);

}  // namespace pg_hello::ctl
