// The subcommand `maintain`: the duties of each day, week and month. It resets nothing; doing it
// again changes nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/log_time.h"
#include "ctl/objectives.h"

namespace pg_hello::ctl {

struct MaintainRequest {
  Target target;
  std::string period;                  // "daily", "weekly" or "monthly"
  std::vector<std::string> databases;  // empty: all in which the extension is
  std::string output;                  // directory of reports and settings; empty: none are kept
  int keep_baselines = 0;              // of this period's own; 0: as many as DefaultKeep() says
  std::string keep_audit;              // an interval; empty: nothing is deleted from the audit log
  Objectives objectives;
};

Findings Maintain(const MaintainRequest& request);

// Of baselines and files, by the period.
int DefaultKeep(const std::string& period);

// "daily 2026-11-25", the same all day, week or month: by the local time, a week by its Monday.
std::string LabelOf(const std::string& period, UnixMs now);

// A name for a file of this database: letters, digits, "_" and "-" as they are, others as %XX.
std::string FileNameOf(const std::string& database);

// One finding for each setting that is not as it was.
using SettingValues = std::map<std::string, std::string>;
Findings Drift(const std::string& database, const SettingValues& before, const SettingValues& now,
               const std::string& since);

}  // namespace pg_hello::ctl
