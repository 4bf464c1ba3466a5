// The subcommand `backup`: extension files, settings, and databases, whole and proven or not at
// all.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/retention.h"

namespace pg_hello::ctl {

struct BackupRequest {
  std::string directory = {};               // in which backups lie
  std::vector<std::string> databases = {};  // empty: all that allow connections, without templates
  std::string bindir = {};
  bool physical = false;
  bool verify = true;
  bool extension_files = true;
  bool check_space = true;
  bool quiet = false;
  Retention retention = {};
};

struct BackupResult {
  Findings findings = {};
  std::filesystem::path path = {};  // empty: there is no backup
};

// A backup that could not be verified stays, under its own name, and is critical. Whatever else
// goes wrong leaves nothing behind, neither here nor on the server.
BackupResult MakeBackup(const Target& target, const BackupRequest& request);

}  // namespace pg_hello::ctl
