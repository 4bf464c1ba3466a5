// Which old backups may go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pg_hello::ctl {

struct KnownBackup {
  std::string name = {};
  std::int64_t created_at = 0;  // seconds since the epoch
  bool good = false;            // whole, and verified when it was made
};

struct Retention {
  int keep = 0;       // the newest good ones; 0: this rule keeps none
  int keep_days = 0;  // those that are no older; 0: this rule keeps none
};

// Names of those that no rule keeps; the newest good one is never among them, nor is anything
// newer. Without a rule, or without a good one, nothing may go.
std::vector<std::string> Removable(std::vector<KnownBackup> backups, const Retention& retention,
                                   std::int64_t now);

}  // namespace pg_hello::ctl
