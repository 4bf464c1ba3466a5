#include "ctl/harden_audit.h"

#include <utility>
#include <variant>

#include "ctl/database_check.h"

namespace pg_hello::ctl {
namespace {

// Table, trigger, and how it is enabled: null if it is not there at all.
constexpr char kTriggers[] =
    "SELECT c.oid::regclass, quote_ident(w.name), t.tgenabled"
    " FROM pg_extension e JOIN pg_class c ON c.relnamespace = e.extnamespace"
    " JOIN (VALUES ('security_audit_log', 'security_audit_log_audit'),"
    "   ('pg_hello_performance_baseline', 'pg_hello_performance_baseline_audit'),"
    "   ('pg_hello_performance_baseline', 'pg_hello_performance_baseline_audit_truncate'),"
    "   ('app_config', 'app_config_audit'), ('app_config', 'app_config_audit_truncate'))"
    "   AS w (relname, name) ON w.relname = c.relname"
    " LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = w.name"
    " WHERE e.extname = 'pg_hello' AND EXISTS (SELECT FROM pg_class"
    "   WHERE relnamespace = e.extnamespace AND relname = 'security_audit_log')"
    " ORDER BY 1, 2";

// What anybody but the owner may do with the log besides reading it. PUBLIC is the check `grants`'.
constexpr char kGrants[] =
    "WITH log AS (SELECT c.oid, c.relacl, c.relowner FROM pg_extension e"
    "   JOIN pg_class c ON c.relnamespace = e.extnamespace AND c.relname = 'security_audit_log'"
    "   WHERE e.extname = 'pg_hello'),"
    " allowed AS (SELECT a.grantee, a.privilege_type, a.is_grantable FROM log,"
    "   aclexplode(log.relacl) a UNION ALL"
    "   SELECT a.grantee, format('%s (%I)', a.privilege_type, t.attname), a.is_grantable"
    "   FROM log JOIN pg_attribute t ON t.attrelid = log.oid, aclexplode(t.attacl) a)"
    " SELECT r.rolname, quote_ident(r.rolname), privilege_type || ' ON ' || log.oid::regclass,"
    "   CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"
    " FROM log, allowed JOIN pg_roles r ON r.oid = allowed.grantee"
    " WHERE allowed.grantee <> log.relowner AND privilege_type !~ '^SELECT' ORDER BY 1, 3";

class Audit {
 public:
  Audit(const std::string& database, const std::shared_ptr<Session>& session, HardenResult& result)
      : database_(database), session_(session), result_(result) {}

  void Run() {
    Rows triggers;
    Rows grants;
    if (!Take(kTriggers, triggers) || triggers.empty() || !Take(kGrants, grants)) return;
    for (const auto& row : triggers) {
      Trigger(row[0].value_or(""), row[1].value_or(""), row[2].value_or(""));
    }
    for (const auto& row : grants) {
      const std::string privilege = row[2].value_or("");
      Add(Severity::kWarning, "role \"" + row[0].value_or("") + "\" has " + privilege);
      Plan("REVOKE " + privilege + " FROM " + row[1].value_or(""),
           "GRANT " + privilege + " TO " + row[1].value_or("") + row[3].value_or(""));
    }
    if (sound_) Add(Severity::kOk, "the audit log records, and only its owner can change it");
  }

 private:
  bool Take(const char* sql, Rows& rows) {
    auto answer = session_->Ask(sql);
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      Add(SeverityOf(*error), error->message, error->hint);
      return false;
    }
    rows = std::move(std::get<Rows>(answer));
    return true;
  }

  void Add(Severity severity, std::string message, std::string hint = "") {
    sound_ = sound_ && severity == Severity::kOk;
    result_.findings.push_back({"audit", severity, database_, std::move(message), std::move(hint)});
  }

  void Plan(const std::string& what, const std::string& undo) {
    result_.plan.push_back({.check = "audit",
                            .database = database_,
                            .what = what,
                            .undo = undo,
                            .run = [session = session_, what] {
                              const auto error = session->Do(what);
                              return error ? error->message : "";
                            }});
  }

  // "O" and "A" fire in ordinary sessions; "D" nowhere, "R" in those of replication only.
  void Trigger(const std::string& table, const std::string& trigger, const std::string& enabled) {
    if (enabled == "O" || enabled == "A") return;
    if (enabled.empty()) {
      Add(Severity::kWarning,
          table + " has no trigger " + trigger + ": its changes are not recorded",
          "create it as the extension's script does");
      return;
    }
    Add(Severity::kWarning,
        "trigger " + trigger + " on " + table + " is disabled: its changes are not recorded");
    Plan("ALTER TABLE " + table + " ENABLE TRIGGER " + trigger,
         "ALTER TABLE " + table + (enabled == "R" ? " ENABLE REPLICA" : " DISABLE") + " TRIGGER " +
             trigger);
  }

  const std::string& database_;
  const std::shared_ptr<Session>& session_;
  HardenResult& result_;
  bool sound_ = true;
};

}  // namespace

void CheckAudit(const std::string& database, const std::shared_ptr<Session>& session,
                HardenResult& result) {
  Audit(database, session, result).Run();
}

}  // namespace pg_hello::ctl
