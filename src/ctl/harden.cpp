#include "ctl/harden.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "ctl/database_check.h"
#include "ctl/file_checks.h"
#include "ctl/function_counters.h"
#include "ctl/harden_audit.h"
#include "ctl/questions.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

constexpr char kLinePrefix[] = "%m [%p] %q%u@%d/%a ";

class Hardening {
 public:
  Hardening(const HardenRequest& request, Session& server, HardenResult& result)
      : request_(request), server_(server), result_(result) {}

  void Run() {
    if (!ReadSettings()) return;
    if (Wanted("files")) Files();
    if (Wanted("preload")) Preload();
    if (Wanted("listen")) Listen();
    if (Wanted("tls")) Tls();
    if (Wanted("token")) Token();
    if (Wanted("grants") || Wanted("audit")) InDatabases();
    if (Wanted("checksums")) Checksums();
    if (Wanted("logging")) Logging();
  }

 private:
  bool Wanted(const char* check) const {
    return request_.only.empty() ||
           std::find(request_.only.begin(), request_.only.end(), check) != request_.only.end();
  }

  void Add(const char* check, Severity severity, std::string message, std::string hint = "",
           const std::string& database = "") {
    result_.findings.push_back({check, severity, database, std::move(message), std::move(hint)});
  }

  bool Take(const char* check, std::variant<Rows, SqlError> answer, Rows& rows,
            const std::string& database = "") {
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      const Severity severity = SeverityOf(*error);
      Add(check, severity, error->message,
          severity == Severity::kUnknown ? "ask as a superuser" : error->hint, database);
      return false;
    }
    rows = std::move(std::get<Rows>(answer));
    return true;
  }

  // Values in force, and those that the files have for the next start.
  bool ReadSettings() {
    Rows rows;
    if (!Take("settings", server_.Ask("SELECT name, setting FROM pg_settings"), rows)) return false;
    for (const auto& row : rows) settings_[row[0].value_or("")] = row[1].value_or("");
    return true;
  }

  bool Has(const std::string& setting) const { return settings_.contains(setting); }

  std::string Value(const std::string& setting) const {
    const auto found = settings_.find(setting);
    return found == settings_.end() ? "" : found->second;
  }

  std::string Path(const std::string& value) const {
    return value.starts_with('/') ? value : Value("data_directory") + "/" + value;
  }

  // `alter` is an ALTER SYSTEM SET. Undone, the setting is what the file of ALTER SYSTEM has of it
  // now.
  void PlanSetting(const char* check, const std::string& setting, const std::string& alter,
                   const char* needs) {
    Rows rows;
    if (!Take(check,
              server_.Ask(
                  "SELECT setting FROM pg_file_settings WHERE name = $1"
                  " AND sourcefile = current_setting('data_directory') || '/postgresql.auto.conf'"
                  " ORDER BY seqno DESC LIMIT 1",
                  {setting}),
              rows)) {
      return;
    }
    const bool is_list = setting == "shared_preload_libraries";
    std::string undo = "ALTER SYSTEM RESET " + setting;
    if (!rows.empty()) {
      const std::string old = rows[0][0].value_or("");
      undo = is_list ? SetList(setting, SplitList(old))
                     : "ALTER SYSTEM SET " + setting + " = " + QuotedLiteral(old);
    }
    result_.plan.push_back({.check = check,
                            .what = alter,
                            .undo = undo,
                            .needs = needs,
                            .run = [&server = server_, alter] {
                              const auto error = server.Do(alter);
                              return error ? error->message : "";
                            }});
  }

  void Files() {
    Rows rows;
    if (!Take(
            "files",
            server_.Ask("SELECT (SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'),"
                        " (SELECT setting FROM pg_config WHERE name = 'SHAREDIR') || '/extension',"
                        " (SELECT array_to_string(array_agg(f ORDER BY f), '/') FROM"
                        "   pg_ls_dir((SELECT setting FROM pg_config WHERE name = 'SHAREDIR') || "
                        "'/extension') f"
                        "   WHERE f ~ '^pg_hello(--.*)?\\.(sql|control)$'),"
                        " inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr()"),
            rows)) {
      return;
    }
    const auto& row = rows.at(0);
    if (row[3] != "t") {
      Add("files", Severity::kUnknown, "the server runs on another machine",
          "run it there to look at its files");
      return;
    }
    CheckFile(row[0].value_or("") + "/pg_hello.so", FileUse::kProgram, result_.findings,
              result_.plan);
    std::string names = row[2].value_or("");
    while (!names.empty()) {
      const std::size_t slash = std::min(names.find('/'), names.size());
      CheckFile(row[1].value_or("") + "/" + names.substr(0, slash), FileUse::kProgram,
                result_.findings, result_.plan);
      names.erase(0, slash + 1);
    }
    if (Value("pg_hello.ssl") == "on") {
      CheckFile(Path(Value("pg_hello.ssl_key_file")), FileUse::kSecret, result_.findings,
                result_.plan);
    }
    if (const std::string token = Value("pg_hello.auth_token_file"); !token.empty()) {
      CheckFile(Path(token), FileUse::kSecret, result_.findings, result_.plan);
    }
  }

  // The list may have been changed since the server's start: what the files have counts. There it
  // has an error, since it could not be applied without a restart.
  void Preload() {
    Rows rows;
    if (!Take("preload",
              server_.Ask("SELECT coalesce((SELECT setting FROM pg_file_settings"
                          " WHERE name = 'shared_preload_libraries' ORDER BY "
                          "seqno DESC LIMIT 1),"
                          " current_setting('shared_preload_libraries'))"),
              rows)) {
      return;
    }
    std::vector<std::string> libraries = SplitList(rows.at(0)[0].value_or(""));
    const bool planned =
        std::any_of(libraries.begin(), libraries.end(), [](const std::string& library) {
          return library == "pg_hello" || library.ends_with("/pg_hello");
        });
    if (planned) {
      const bool loaded = Has("pg_hello.max_functions");
      Add("preload", loaded ? Severity::kOk : Severity::kWarning,
          loaded ? "pg_hello is preloaded" : "pg_hello will be preloaded from the next start on",
          loaded ? "" : "restart the server");
      return;
    }
    Add("preload", Severity::kWarning,
        "pg_hello is not preloaded: nothing is counted, nothing is served");
    libraries.push_back("pg_hello");
    PlanSetting("preload", "shared_preload_libraries",
                SetList("shared_preload_libraries", libraries), "a restart");
  }

  bool Open() const { return !OnlyLoopback(Value("pg_hello.listen_addresses")); }

  void Listen() {
    if (!Has("pg_hello.listen_addresses")) return;
    const std::string addresses = Value("pg_hello.listen_addresses");
    if (!Open()) {
      Add("listen", Severity::kOk,
          addresses.empty() ? "metrics are served nowhere"
                            : "metrics are served on the loopback address only");
      return;
    }
    const bool guarded =
        Value("pg_hello.ssl") == "on" &&
        (!Value("pg_hello.ssl_ca_file").empty() || !Value("pg_hello.auth_token_file").empty());
    if (guarded) {
      Add("listen", Severity::kOk,
          "metrics are served on " + addresses + ", and clients must show who they are");
      return;
    }
    Add("listen", Severity::kCritical,
        "metrics are served on " + addresses + ", to everybody who reaches it",
        "serve them with TLS, and to clients with a certificate or a token; or on 127.0.0.1 only");
    PlanSetting("listen", "pg_hello.listen_addresses",
                "ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1'", "a reload");
  }

  void Tls() {
    if (!Has("pg_hello.ssl")) return;
    if (Value("pg_hello.ssl") == "on") {
      Add("tls", Severity::kOk, "metrics are served by HTTPS only");
    } else if (!Open()) {
      Add("tls", Severity::kOk, "metrics do not leave this machine, so they need no TLS");
    } else {
      Add("tls", Severity::kWarning, "metrics leave this machine in plain text",
          "set pg_hello.ssl_cert_file and pg_hello.ssl_key_file, then pg_hello.ssl = on, and "
          "reload");
    }
  }

  void Token() {
    if (!Has("pg_hello.auth_token_file")) {
      Add("token", Severity::kOk, "this server's pg_hello knows no bearer tokens");
    } else if (!Value("pg_hello.auth_token_file").empty()) {
      Add("token", Severity::kOk, "clients need a bearer token");
    } else if (Value("pg_hello.ssl") == "on" && !Value("pg_hello.ssl_ca_file").empty()) {
      Add("token", Severity::kOk, "clients need a certificate, and so no token");
    } else {
      Add("token", Open() ? Severity::kWarning : Severity::kOk,
          std::string("clients need no bearer token") +
              (Open() ? "" : "; only this machine's can connect"),
          Open() ? "write a long random one into a file of mode 0600, name it in "
                   "pg_hello.auth_token_file, and reload"
                 : "");
    }
  }

  std::vector<std::string> Databases(const char* check) {
    if (!request_.databases.empty()) return request_.databases;
    std::vector<std::string> names;
    Rows rows;
    if (Take(check,
             server_.Ask("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
                         " ORDER BY datname"),
             rows)) {
      for (const auto& row : rows) names.push_back(row[0].value_or(""));
    }
    return names;
  }

  void InDatabases() {
    const char* const check = Wanted("grants") ? "grants" : "audit";
    for (const std::string& database : Databases(check)) {
      auto opened = Session::Open(request_.target, database);
      if (const auto* const error = std::get_if<ConnectError>(&opened)) {
        Add(check, SeverityOf(error->failure), error->message, "", database);
        continue;
      }
      const auto session = std::make_shared<Session>(std::move(std::get<Session>(opened)));
      if (Wanted("grants")) GrantsIn(database, session);
      if (Wanted("audit")) CheckAudit(database, session, result_);
    }
  }

  // What everybody may do with the extension's objects, and where everybody could put others in
  // their way.
  void GrantsIn(const std::string& database, const std::shared_ptr<Session>& session) {
    Rows rows;
    if (!Take("grants",
              session->Ask("SELECT extversion FROM pg_extension WHERE extname = 'pg_hello'"), rows,
              database) ||
        rows.empty()) {
      return;
    }
    if (!Take("grants",
              session->Ask(
                  "WITH member AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e"
                  "   ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid"
                  "   WHERE d.deptype = 'e' AND e.extname = 'pg_hello')"
                  " SELECT a.privilege_type, 'FUNCTION ' || p.oid::regprocedure, a.is_grantable "
                  "FROM pg_proc p"
                  "   JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid,"
                  "   aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE "
                  "a.grantee = 0"
                  " UNION ALL"
                  " SELECT a.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE "
                  "' END || c.oid::regclass,"
                  "   a.is_grantable FROM pg_class c"
                  "   JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid,"
                  "   aclexplode(c.relacl) a WHERE a.grantee = 0"
                  " UNION ALL"
                  " SELECT a.privilege_type, 'SCHEMA ' || quote_ident(n.nspname), a.is_grantable "
                  "FROM pg_namespace n"
                  "   JOIN pg_extension e ON e.extnamespace = n.oid AND e.extname = 'pg_hello',"
                  "   aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'"
                  " ORDER BY 2, 1"),
              rows, database)) {
      return;
    }
    if (rows.empty()) Add("grants", Severity::kOk, "PUBLIC may do nothing with it", "", database);
    for (const auto& row : rows) {
      const std::string privilege = row[0].value_or("") + " ON " + row[1].value_or("");
      Add("grants", Severity::kWarning, "PUBLIC has " + privilege, "", database);
      const std::string revoke = "REVOKE " + privilege + " FROM PUBLIC";
      result_.plan.push_back({.check = "grants",
                              .database = database,
                              .what = revoke,
                              .undo = "GRANT " + privilege + " TO PUBLIC",
                              .run = [session, revoke] {
                                const auto error = session->Do(revoke);
                                return error ? error->message : "";
                              }});
    }
  }

  // They tell whether what is read is what was written. They are switched on with the server
  // stopped, so nothing is planned.
  void Checksums() {
    if (Value("data_checksums") == "on") {
      Add("checksums", Severity::kOk, "data pages have checksums");
    } else {
      Add("checksums", Severity::kWarning,
          "data pages have no checksums: damage or changes of files on disk are not noticed",
          "stop the server, then pg_checksums --enable");
    }
  }

  // It is touched only if that is asked for.
  void Logging() {
    const std::string prefix = Value("log_line_prefix");
    std::string missing;
    for (const auto& [escapes, what] :
         {std::pair{"mtn", "the time"}, std::pair{"pc", "the process"}, std::pair{"u", "the role"},
          std::pair{"d", "the database"}}) {
      const std::string_view each(escapes);
      if (std::none_of(each.begin(), each.end(),
                       [&](char c) { return prefix.find(std::string("%") + c) != prefix.npos; })) {
        missing += std::string(missing.empty() ? "" : ", ") + what;
      }
    }
    if (missing.empty()) {
      Add("logging", Severity::kOk, "log_line_prefix says when, who and where");
    } else {
      Add("logging", Severity::kWarning, "log_line_prefix lacks " + missing,
          request_.logging ? "" : "with --logging, harden plans to change it");
      if (request_.logging) {
        PlanSetting("logging", "log_line_prefix",
                    "ALTER SYSTEM SET log_line_prefix = " + QuotedLiteral(kLinePrefix), "a reload");
      }
    }
    if (Value("log_statement") != "none") {
      Add("logging", Severity::kOk, "log_statement is " + Value("log_statement"));
      return;
    }
    Add("logging", Severity::kWarning,
        "log_statement is none: who changes functions and roles is not logged",
        request_.logging ? "ddl logs each statement that changes a definition, whole: also "
                           "passwords that are set in plain text"
                         : "with --logging, harden plans to change it to ddl");
    if (request_.logging)
      PlanSetting("logging", "log_statement", "ALTER SYSTEM SET log_statement = 'ddl'", "a reload");
  }

  const HardenRequest& request_;
  Session& server_;
  HardenResult& result_;
  std::map<std::string, std::string> settings_;
};

void Apply(Session& server, HardenResult& result) {
  bool reload = false;
  for (const Change& change : result.plan) {
    result.failed.push_back(change.run());
    reload = reload || (result.failed.back().empty() && change.needs == "a reload");
  }
  if (!reload) return;
  if (const auto error = server.Do("SELECT pg_reload_conf()")) {
    result.findings.push_back(
        {"settings", SeverityOf(*error), "", error->message, "reload the server"});
  }
}

}  // namespace

HardenResult Harden(const HardenRequest& request) {
  HardenResult result;
  auto opened = Session::OpenServer(request.target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    result.findings.push_back({"connection", SeverityOf(error->failure), "", error->message, ""});
    return result;
  }
  Session& server = std::get<Session>(opened);
  Hardening(request, server, result).Run();
  if (request.apply) Apply(server, result);
  for (Change& change : result.plan) change.run = nullptr;  // it may use what is gone
  return result;
}

}  // namespace pg_hello::ctl
