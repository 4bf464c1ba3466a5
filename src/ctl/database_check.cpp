#include "ctl/database_check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "ctl/own_functions.h"

namespace pg_hello::ctl {
namespace {

constexpr char kInsufficientPrivilege[] = "42501";

// One database that has, or should have, the extension.
class DatabaseCheck {
 public:
  DatabaseCheck(Session& session, std::string database, Findings& findings)
      : session_(session), database_(std::move(database)), findings_(findings) {}

  void Run(bool demanded, bool preloaded, const Objectives& objectives) {
    if (!Installed(demanded)) return;
    for (const auto& [function, condition] : kFunctionProbes) Answers(function, condition);
    if (preloaded) {
      Versions();
      if (objectives.asked_for || !ServerObjectives()) Counters(objectives);
    }
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    findings_.push_back({check, severity, database_, std::move(message), std::move(hint)});
  }

  bool Installed(bool demanded) {
    const auto answer = AskForExtension(session_);
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      Add("installed", SeverityOf(*error), error->message, error->hint);
      return false;
    }
    const auto& extension = std::get<std::optional<InstalledExtension>>(answer);
    if (!extension) {
      Add("installed", demanded ? Severity::kCritical : Severity::kWarning,
          "extension pg_hello is not installed", "CREATE EXTENSION pg_hello");
      return false;
    }
    version_ = extension->version;
    schema_ = extension->schema;
    Add("installed", Severity::kOk, "extension pg_hello " + version_ + " is installed");
    return true;
  }

  void Answers(const std::string& function, const std::string& condition) {
    const auto answer = session_.Ask("SELECT " + InSchema(condition, schema_));
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
    const auto answer = session_.Ask("SELECT version FROM " + schema_ + ".pg_hello_info()");
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

  // Judges the server's own objectives, once. False if it has none, or cannot tell: extensions of
  // version 1.0 know nothing of them.
  bool ServerObjectives() {
    if (version_ == "1.0") return false;
    const auto answer = session_.Ask(
        InSchema("SELECT slo, objective, events_1h, bad_events_1h FROM @.pg_hello_slo", schema_));
    if (!std::holds_alternative<Rows>(answer)) return false;
    std::vector<ServerObjective> objectives;
    for (const auto& row : std::get<Rows>(answer)) {
      objectives.push_back({row[0].value_or(""), std::stod(row[1].value_or("0")),
                            std::stoull(row[2].value_or("0")), std::stoull(row[3].value_or("0"))});
    }
    const bool told = std::any_of(findings_.begin(), findings_.end(),
                                  [](const Finding& one) { return one.check == "objective"; });
    if (!told) {
      for (Finding& finding : JudgeServerObjectives(objectives)) {
        findings_.push_back(std::move(finding));
      }
    }
    return !objectives.empty();
  }

  void Counters(const Objectives& objectives) {
    const auto answer = session_.Ask("SELECT function, calls, errors, p95 FROM " + schema_ +
                                     ".pg_hello_stats WHERE datname = current_database()"
                                     " AND extension = 'pg_hello'");
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

}  // namespace

Severity SeverityOf(ConnectFailure failure) {
  return failure == ConnectFailure::kNoServer ? Severity::kCritical : Severity::kUnknown;
}

Severity SeverityOf(const SqlError& error) {
  return error.sqlstate == kInsufficientPrivilege ? Severity::kUnknown : Severity::kCritical;
}

// The setting is known only where the library was loaded at the server's start; unlike
// shared_preload_libraries, everybody may see it.
bool CheckPreload(Session& server, Findings& findings) {
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

void CheckDatabase(Session& session, const std::string& database, bool demanded, bool preloaded,
                   const Objectives& objectives, Findings& findings) {
  DatabaseCheck(session, database, findings).Run(demanded, preloaded, objectives);
}

}  // namespace pg_hello::ctl
