// The subcommand `restore`: one database, or the extension's data in it, from a backup.
#pragma once

#include <string>

#include "ctl/conninfo.h"
#include "ctl/finding.h"

namespace pg_hello::ctl {

struct RestoreRequest {
  std::string backup = {};    // a backup, or a directory in which backups lie
  std::string database = {};  // as it is called in the backup
  std::string into = {};      // as it will be called; empty: as in the backup
  std::string replace = {};   // the database that may lose what is in it; empty: none
  std::string bindir = {};
  bool extension_data = false;  // that alone
  int jobs = 1;
  bool quiet = false;
};

// Looks at the archive and at the server first, and touches nothing if anything is wrong there. A
// database appears under its name only when it is restored and found to be what was backed up.
// One that is replaced stays, under a name of its own.
Findings Restore(const Target& target, const RestoreRequest& request);

// NAME_replaced_TIME, cut to the 63 bytes that a name may have.
std::string ReplacedName(const std::string& database, const std::string& time);

}  // namespace pg_hello::ctl
