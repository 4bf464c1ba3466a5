#include "ctl/update_plan.h"

#include <utility>

namespace pg_hello::ctl {
namespace {

class Steps {
 public:
  explicit Steps(std::string check) : check_(std::move(check)) {}

  void Add(const std::string& text, std::string database = "") {
    findings_.push_back({check_, Severity::kOk, std::move(database),
                         std::to_string(findings_.size() + 1) + ". " + text, ""});
  }

  Findings Take() { return std::move(findings_); }

 private:
  std::string check_;
  Findings findings_;
};

}  // namespace

Findings UpdatePlan(const std::vector<PlannedDatabase>& databases, const std::string& version,
                    const std::string& backup_directory) {
  Steps here("plan");
  if (!backup_directory.empty()) here.Add("back all of them up into " + backup_directory);
  for (const PlannedDatabase& database : databases) {
    if (database.version == version) {
      here.Add("is of version " + version + " already: see that its functions answer",
               database.name);
    } else {
      here.Add(std::string(database.staging ? "staging: " : "") + "update from version " +
                   database.version + " to " + version + " in one transaction",
               database.name);
    }
  }
  Steps green("blue_green");
  for (const char* const step :
       {"on the second server's host: pg_basebackup --write-recovery-conf, and start it as a "
        "standby",
        "install the new version's files on that host only: until it is restarted, it keeps what "
        "it has loaded",
        "stop all writing to the first server, and wait until pg_last_wal_replay_lsn() of the "
        "second "
        "is pg_current_wal_lsn() of the first",
        "promote the second with SELECT pg_promote(), and restart it, so that it loads the new "
        "library",
        "pg_helloctl update, and then pg_helloctl health, on the second server",
        "if both are well, lead clients and Prometheus to the second server; if not, back to the "
        "first, which is as it was",
        "stop the first server, and keep it until nobody wants to go back: what is written after "
        "the switch is on the second server only"}) {
    green.Add(step);
  }
  Findings findings = here.Take();
  for (Finding& finding : green.Take()) findings.push_back(std::move(finding));
  return findings;
}

}  // namespace pg_hello::ctl
