#include "ctl/diagnose.h"

#include <string>
#include <utility>

#include "ctl/collector_verdict.h"
#include "ctl/database_check.h"
#include "ctl/own_functions.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

class Diagnosis {
 public:
  Diagnosis(Session& session, Findings& findings) : session_(session), findings_(findings) {}

  void Run() {
    Library();
    Control();
    const bool preloaded = CheckPreload(session_, findings_);
    const auto name = session_.Ask("SELECT current_database()");
    if (Failed(name, "connection", "")) return;
    CheckDatabase(session_, std::get<Rows>(name)[0][0].value_or(""), true, preloaded, {},
                  findings_);
    if (preloaded && FindSchema()) {
      Collector();
      Memory();
    }
    Blocking();
  }

 private:
  using Answer = std::variant<Rows, SqlError>;

  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    findings_.push_back({check, severity, "", std::move(message), std::move(hint)});
  }

  // `denied`: what to do if it is for lack of permission.
  bool Failed(const Answer& answer, const char* check, const char* denied) {
    const auto* const error = std::get_if<SqlError>(&answer);
    if (error == nullptr) return false;
    const Severity severity = SeverityOf(*error);
    Add(check, severity, error->message, severity == Severity::kUnknown ? denied : error->hint);
    return true;
  }

  void Library() {
    const auto answer = session_.Ask(
        "SELECT path, (pg_stat_file(path, true)).size FROM (SELECT setting || '/pg_hello.so' AS "
        "path"
        " FROM pg_config WHERE name = 'PKGLIBDIR') AS library");
    if (Failed(answer, "library", "to see the library's file, ask as a superuser")) return;
    const auto& row = std::get<Rows>(answer).at(0);
    const std::string path = row[0].value_or("");
    if (row[1]) {
      Add("library", Severity::kOk, path + " is there");
    } else {
      Add("library", Severity::kCritical, path + " is not there: new sessions cannot load it",
          "install it where pg_config --pkglibdir says, which is not pg_config --libdir");
    }
  }

  void Control() {
    const auto answer = session_.Ask(
        "SELECT default_version, installed_version, installed_version <> default_version"
        " FROM pg_available_extensions WHERE name = 'pg_hello'");
    if (Failed(answer, "available", "")) return;
    const Rows& rows = std::get<Rows>(answer);
    if (rows.empty()) {
      Add("available", Severity::kCritical,
          "the server finds no pg_hello.control: the extension can be neither created nor updated",
          "install the files into the directory \"extension\" where pg_config --sharedir says");
    } else if (rows[0][2] == "t") {
      Add("available", Severity::kWarning,
          "version " + rows[0][1].value_or("") + " is installed, and " + rows[0][0].value_or("") +
              " available",
          "ALTER EXTENSION pg_hello UPDATE");
    } else {
      Add("available", Severity::kOk, "version " + rows[0][0].value_or("") + " is available");
    }
  }

  bool FindSchema() {
    const auto answer = AskForExtension(session_);
    const auto* const extension = std::get_if<std::optional<InstalledExtension>>(&answer);
    if (extension == nullptr || !*extension) return false;
    schema_ = (*extension)->schema;
    return true;
  }

  void Collector() {
    const auto answer = session_.Ask(
        "SELECT worker_pid,"
        " extract(epoch FROM greatest(clock_timestamp() - worker_heartbeat, '0'))::bigint,"
        " worker_restarts, listening, listen_addresses, port, listen_error,"
        " tracked_functions, max_functions, overflow_calls FROM " +
        schema_ + ".pg_hello_info()");
    if (Failed(answer, "worker", "GRANT pg_monitor to the role that asks")) return;
    const auto& row = std::get<Rows>(answer).at(0);
    const auto number = [&row](std::size_t column) {
      return std::stoll(row[column].value_or("0"));
    };
    CollectorInfo info;
    if (row[0]) info.worker_pid = number(0);
    if (row[1]) info.heartbeat_age_seconds = number(1);
    info.worker_restarts = number(2);
    info.listening = row[3] == "t";
    info.listen_addresses = row[4].value_or("");
    info.port = number(5);
    info.listen_error = row[6].value_or("");
    info.tracked_functions = number(7);
    info.max_functions = number(8);
    info.overflow_calls = number(9);
    for (Finding& finding : JudgeCollector(info)) findings_.push_back(std::move(finding));
  }

  void Memory() {
    const auto there =
        session_.Ask("SELECT to_regprocedure($1) IS NOT NULL", {schema_ + ".pg_hello_memory()"});
    if (Failed(there, "memory", "")) return;
    if (std::get<Rows>(there)[0][0] != "t") return;  // an older version of the extension
    const auto answer = session_.Ask(
        "SELECT pg_size_pretty(sum(bytes) FILTER (WHERE memory = 'shared')),"
        " pg_size_pretty(sum(bytes) FILTER (WHERE memory = 'backend')) FROM " +
        schema_ + ".pg_hello_memory()");
    if (Failed(answer, "memory", "GRANT pg_monitor to the role that asks")) return;
    const auto& row = std::get<Rows>(answer).at(0);
    Add("memory", Severity::kOk,
        "the counters take " + row[0].value_or("") +
            " of shared memory, and in each backend at most " + row[1].value_or("") +
            "; they cannot grow");
  }

  void Blocking() {
    const auto answer = session_.Ask(
        "SELECT pid, array_to_string(pg_blocking_pids(pid), ', '), datname FROM pg_stat_activity"
        " WHERE cardinality(pg_blocking_pids(pid)) > 0 ORDER BY pid");
    if (Failed(answer, "blocking", "")) return;
    const Rows& rows = std::get<Rows>(answer);
    if (rows.empty()) Add("blocking", Severity::kOk, "no process waits for another's lock");
    for (const auto& row : rows) {
      findings_.push_back(
          {"blocking", Severity::kWarning, row[2].value_or(""),
           "process " + row[0].value_or("") + " waits for a lock of process " + row[1].value_or(""),
           "pg_stat_activity shows what that one does; pg_cancel_backend() or "
           "pg_terminate_backend() ends it"});
    }
  }

  Session& session_;
  Findings& findings_;
  std::string schema_;  // the extension's, quoted
};

}  // namespace

Findings Diagnose(const Target& target) {
  Findings findings;
  auto opened = Session::OpenServer(target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    const bool down = error->failure == ConnectFailure::kNoServer;
    findings.push_back({"connection", SeverityOf(error->failure), "", error->message,
                        down ? "is the server running, and are host and port right?"
                             : "check role, password, database and the server's pg_hba.conf"});
    return findings;
  }
  Diagnosis(std::get<Session>(opened), findings).Run();
  return findings;
}

}  // namespace pg_hello::ctl
