#include "ctl/health.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ctl/endpoint_verdict.h"
#include "ctl/http_get.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

constexpr char kInsufficientPrivilege[] = "42501";

Severity SeverityOf(ConnectFailure failure) {
  return failure == ConnectFailure::kNoServer ? Severity::kCritical : Severity::kUnknown;
}

Severity SeverityOf(const SqlError& error) {
  return error.sqlstate == kInsufficientPrivilege ? Severity::kUnknown : Severity::kCritical;
}

// One database that has, or should have, the extension.
class DatabaseCheck {
 public:
  DatabaseCheck(Session& session, std::string database, Findings& findings)
      : session_(session), database_(std::move(database)), findings_(findings) {}

  void Run(bool demanded, bool preloaded, const Objectives& objectives) {
    if (!Installed(demanded)) return;
    for (const auto& [function, expression] : {
             std::pair{"pg_hello(text)", "@.pg_hello('pg_helloctl') ~ '^Hello, pg_helloctl!'"},
             std::pair{"now_ms()",
                       "abs(@.now_ms() - extract(epoch FROM clock_timestamp()) * 1000)"
                       " < 60000"},
             std::pair{"spi_version()", "@.spi_version() = version()"},
         }) {
      Answers(function, expression);
    }
    if (preloaded) {
      Versions();
      Counters(objectives);
    }
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    findings_.push_back({check, severity, database_, std::move(message), std::move(hint)});
  }

  // "@." is the extension's schema.
  std::string InSchema(std::string sql) const {
    std::size_t at = 0;
    while ((at = sql.find("@.", at)) != sql.npos) {
      sql.replace(at, 1, schema_);
      at += schema_.size();
    }
    return sql;
  }

  bool Installed(bool demanded) {
    const auto answer = session_.Ask(
        "SELECT e.extversion, quote_ident(n.nspname) FROM pg_extension e"
        " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_hello'");
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      Add("installed", SeverityOf(*error), error->message, error->hint);
      return false;
    }
    const Rows& rows = std::get<Rows>(answer);
    if (rows.empty()) {
      Add("installed", demanded ? Severity::kCritical : Severity::kWarning,
          "extension pg_hello is not installed", "CREATE EXTENSION pg_hello");
      return false;
    }
    version_ = rows[0][0].value_or("");
    schema_ = rows[0][1].value_or("");
    Add("installed", Severity::kOk, "extension pg_hello " + version_ + " is installed");
    return true;
  }

  void Answers(const std::string& function, const std::string& expression) {
    const auto answer = session_.Ask("SELECT " + InSchema(expression));
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      const bool denied = error->sqlstate == kInsufficientPrivilege;
      Add("functions", SeverityOf(*error), function + " fails: " + error->message,
          denied ? "let the role that asks call it, with GRANT" : error->hint);
    } else if (std::get<Rows>(answer)[0][0] != "t") {
      Add("functions", Severity::kCritical, function + " answers wrongly");
    } else {
      Add("functions", Severity::kOk, function + " answers");
    }
  }

  void Unreadable(const char* check, const SqlError& error) {
    const bool denied = error.sqlstate == kInsufficientPrivilege;
    Add(check, SeverityOf(error), error.message,
        denied ? "GRANT pg_monitor to the role that asks" : error.hint);
  }

  void Versions() {
    const auto answer = session_.Ask(InSchema("SELECT version FROM @.pg_hello_info()"));
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      Unreadable("versions", *error);
      return;
    }
    const std::string library = std::get<Rows>(answer)[0][0].value_or("");
    if (library == version_) {
      Add("versions", Severity::kOk, "library and extension are both of version " + version_);
    } else {
      Add("versions", Severity::kWarning,
          "the library is of version " + library + ", the extension of " + version_,
          "ALTER EXTENSION pg_hello UPDATE; if the library is the older one, restart the server");
    }
  }

  void Counters(const Objectives& objectives) {
    const auto answer =
        session_.Ask(InSchema("SELECT function, calls, errors, p95 FROM @.pg_hello_stats"
                              " WHERE datname = current_database() AND extension = 'pg_hello'"));
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      Unreadable("latency", *error);
      return;
    }
    std::vector<FunctionCounters> functions;
    for (const auto& row : std::get<Rows>(answer)) {
      FunctionCounters function{.function = row[0].value_or("")};
      function.calls = std::stoull(row[1].value_or("0"));
      function.errors = std::stoull(row[2].value_or("0"));
      if (row[3]) function.p95_ms = std::stod(*row[3]);
      functions.push_back(std::move(function));
    }
    for (Finding& finding : JudgeCounters(database_, functions, objectives)) {
      findings_.push_back(std::move(finding));
    }
  }

  Session& session_;
  std::string database_;
  Findings& findings_;
  std::string version_;  // the extension's
  std::string schema_;   // quoted
};

// Whether the counters can be there at all. The setting is known only where the library was loaded
// at the server's start; unlike shared_preload_libraries, everybody may see it.
bool Preloaded(Session& server, Findings& findings) {
  const auto answer =
      server.Ask("SELECT count(*) FROM pg_settings WHERE name = 'pg_hello.max_functions'");
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    findings.push_back({"preload", SeverityOf(*error), "", error->message, error->hint});
    return false;
  }
  const bool preloaded = std::get<Rows>(answer)[0][0] == "1";
  findings.push_back(preloaded ? Finding{"preload", Severity::kOk, "", "pg_hello is preloaded", ""}
                               : Finding{"preload", Severity::kCritical, "",
                                         "pg_hello is not preloaded: nothing is counted",
                                         "add pg_hello to what shared_preload_libraries has "
                                         "already, and restart the server"});
  return preloaded;
}

struct Named {
  std::string name;
  bool demanded;
};

// The databases to look into. Those that were named and are not there become findings.
std::vector<Named> Choose(Session& server, const std::vector<std::string>& wanted,
                          Findings& findings) {
  const auto answer = server.Ask(
      "SELECT datname, datallowconn AND NOT datistemplate FROM pg_database ORDER BY datname");
  std::vector<Named> chosen;
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    findings.push_back({"databases", SeverityOf(*error), "", error->message, error->hint});
    return chosen;
  }
  const Rows& rows = std::get<Rows>(answer);
  if (wanted.empty()) {
    for (const auto& row : rows) {
      if (row[1] == "t") chosen.push_back({row[0].value_or(""), false});
    }
  }
  for (const std::string& name : wanted) {
    if (std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row[0] == name; })) {
      chosen.push_back({name, true});
    } else {
      findings.push_back({"connection", Severity::kCritical, name, "does not exist", ""});
    }
  }
  return chosen;
}

void CheckServer(const HealthRequest& request, Findings& findings) {
  auto opened = Session::OpenServer(request.target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    findings.push_back({"connection", SeverityOf(error->failure), "", error->message, ""});
    return;
  }
  Session& server = std::get<Session>(opened);
  const bool preloaded = Preloaded(server, findings);
  for (const Named& database : Choose(server, request.databases, findings)) {
    auto session = Session::Open(request.target, database.name);
    if (const auto* const error = std::get_if<ConnectError>(&session)) {
      findings.push_back(
          {"connection", SeverityOf(error->failure), database.name, error->message, ""});
      continue;
    }
    DatabaseCheck(std::get<Session>(session), database.name, findings)
        .Run(database.demanded, preloaded, request.objectives);
  }
}

Finding CheckEndpoint(const std::string& url) {
  const auto answer = GetHealth(url);
  if (const auto* const error = std::get_if<HttpError>(&answer)) {
    const bool silent = error->failure == HttpFailure::kNoAnswer;
    return {"endpoint", silent ? Severity::kCritical : Severity::kUnknown, "", error->message, ""};
  }
  const auto& [status, body] = std::get<HttpAnswer>(answer);
  return JudgeEndpoint(url, status, body);
}

}  // namespace

Findings CheckHealth(const HealthRequest& request) {
  Findings findings;
  CheckServer(request, findings);
  if (!request.url.empty()) findings.push_back(CheckEndpoint(request.url));
  return findings;
}

}  // namespace pg_hello::ctl
