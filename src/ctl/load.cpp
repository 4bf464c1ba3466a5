#include "ctl/load.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>

#include "ctl/console.h"
#include "ctl/database_check.h"
#include "ctl/failure.h"
#include "ctl/own_functions.h"
#include "ctl/process.h"
#include "ctl/session.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

constexpr std::int64_t kLargeBytes = 1'000'000'000;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

class LoadTest {
 public:
  explicit LoadTest(const LoadRequest& request)
      : request_(request),
        application_("pg_helloctl load " + std::to_string(static_cast<long>(getpid()))) {}

  LoadResult Run() {
    auto opened = Session::Open(request_.target, std::nullopt);
    if (const auto* const error = std::get_if<ConnectError>(&opened)) {
      Add("connection", SeverityOf(error->failure), error->message);
      return std::move(result_);
    }
    session_ = &std::get<Session>(opened);
    if (CheckPreload(*session_, result_.findings) && Prepare()) Measure();
    return std::move(result_);
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    result_.findings.push_back({check, severity, database_, std::move(message), std::move(hint)});
  }

  template <typename Value>
  bool Take(std::variant<Value, SqlError> answer, Value& value) {
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      const Severity severity = SeverityOf(*error);
      Add("counters", severity, error->message,
          severity == Severity::kUnknown ? "GRANT pg_monitor to the role that asks" : error->hint);
      return false;
    }
    value = std::move(std::get<Value>(answer));
    return true;
  }

  bool Prepare() {
    Rows rows;
    if (!Take(session_->Ask(
                  "SELECT current_database(), pg_database_size(current_database()),"
                  " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                  "  AND backend_type = 'client backend' AND pid <> pg_backend_pid()),"
                  " (SELECT count(*) FROM pg_stat_replication), pg_is_in_recovery(),"
                  " current_setting('archive_mode') <> 'off'"),
              rows)) {
      return false;
    }
    const auto& row = rows.at(0);
    database_ = row[0].value_or("");
    const auto signs = SignsOfProduction({.name = database_,
                                          .bytes = std::stoll(row[1].value_or("0")),
                                          .other_sessions = std::stoll(row[2].value_or("0")),
                                          .standbys = std::stoll(row[3].value_or("0")),
                                          .in_recovery = row[4] == "t",
                                          .archives = row[5] == "t"});
    for (const std::string& sign : signs) {
      Add("production", request_.force ? Severity::kOk : Severity::kCritical,
          "it looks like production: " + sign,
          request_.force ? "" : "nothing was done; to do it nevertheless, add --force");
    }
    if (!signs.empty() && !request_.force) return false;
    std::optional<InstalledExtension> extension;
    if (!Take(AskForExtension(*session_), extension)) return false;
    if (!extension) {
      Add("installed", Severity::kCritical, "extension pg_hello is not installed",
          "CREATE EXTENSION pg_hello");
      return false;
    }
    schema_ = extension->schema;
    return true;
  }

  void Measure() {
    Reading before;
    Reading after;
    if (!Take(ReadCounters(*session_, schema_), before)) return;
    CatchStopSignals();
    session_->AskToTheEnd();
    RunPgbench();
    WaitForItsSessions();
    if (!Take(ReadCounters(*session_, schema_), after)) return;
    result_.seconds = static_cast<double>(after.taken - before.taken) / 1000;
    result_.works = Difference(before, after);
    std::erase_if(result_.works,
                  [](const Work& work) { return IsReader(work.function, work.extension); });
    if (const auto error = AddPercentiles(*session_, schema_, result_.works)) {
      Add("counters", SeverityOf(*error), error->message, error->hint);
    }
    Judge();
  }

  std::vector<std::string> Arguments() const {
    // Pauses are the server's to make; more threads than processors only wait for each other.
    const unsigned threads = std::max(std::thread::hardware_concurrency(), 1U);
    std::vector<std::string> arguments = {
        "--no-vacuum", "--client=" + std::to_string(request_.clients),
        "--jobs=" + std::to_string(std::min(static_cast<unsigned>(request_.clients), threads)),
        "--time=" + std::to_string(request_.seconds), "--define=schema=" + schema_};
    if (request_.progress_seconds > 0) {
      arguments.push_back("--progress=" + std::to_string(request_.progress_seconds));
    }
    if (request_.rate) arguments.push_back("--rate=" + std::to_string(*request_.rate));
    std::vector<std::string> scripts = request_.scripts;
    if (scripts.empty()) {
      for (const char* const name : {"greeting", "settings", "timestamps"}) {
        scripts.push_back(request_.directory + "/" + name + ".sql");
      }
    }
    for (const std::string& script : scripts) arguments.push_back("--file=" + script);
    return arguments;
  }

  void RunPgbench() {
    Program pgbench{.path = request_.pgbench,
                    .arguments = Arguments(),
                    .environment = session_->Environment(),
                    .unset = {"PGSERVICE"}};
    std::erase_if(pgbench.environment,
                  [](const auto& variable) { return variable.first == "PGAPPNAME"; });
    pgbench.environment.emplace_back("PGAPPNAME", application_);
    std::string complaint;
    const Watcher watcher{.output_line = [this](std::string_view line) { Understand(line); },
                          .error_line =
                              [&complaint](std::string_view line) {
                                if (line.starts_with("progress: ")) {
                                  Progress(line);
                                } else if (complaint.empty()) {  // others follow from the first one
                                  complaint = line;
                                }
                              }};
    try {
      const Outcome outcome = RunProgram(pgbench, watcher);
      if (StopWanted()) {
        Add("pgbench", Severity::kUnknown,
            "it was told to stop; the figures are of the time until then");
      } else if (outcome.signal != 0) {
        Add("pgbench", Severity::kCritical,
            "pgbench was ended by signal " + std::to_string(outcome.signal));
      } else if (outcome.exit_code != 0) {
        Add("pgbench", Severity::kCritical,
            "pgbench ended with exit code " + std::to_string(outcome.exit_code) + ": " + complaint);
      }
    } catch (const Failure& failure) {
      Add("pgbench", Severity::kUnknown, failure.finding().message,
          "install PostgreSQL's programs, or name it with --pgbench");
    }
  }

  // https://www.postgresql.org/docs/current/pgbench.html#id-1.9.4.11.9.2
  void Understand(std::string_view line) {
    constexpr std::string_view kProcessed = "number of transactions actually processed: ";
    constexpr std::string_view kPerSecond = "tps = ";
    const auto value = [line](std::string_view key) {
      return std::string(line.substr(key.size()));
    };
    if (line.starts_with(kProcessed) && !result_.transactions) {
      result_.transactions = std::strtoll(value(kProcessed).c_str(), nullptr, 10);
    } else if (line.starts_with(kPerSecond) && !result_.per_second) {
      result_.per_second = std::strtod(value(kPerSecond).c_str(), nullptr);
    }
  }

  // A session hands in the last of its counters when it ends, and pgbench does not wait for that.
  void WaitForItsSessions() {
    constexpr timespec kPause = {0, 20'000'000};
    for (int i = 0; i < 500; ++i) {
      const auto answer = session_->Ask(
          "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", {application_});
      const auto* const rows = std::get_if<Rows>(&answer);
      if (rows == nullptr || (*rows)[0][0] == "0") return;
      nanosleep(&kPause, nullptr);
    }
    Add("counters", Severity::kWarning,
        "sessions of the load test have not ended yet: some calls may be missing");
  }

  void Judge() {
    if (result_.works.empty() && Worst(result_.findings) != Severity::kOk) return;
    if (result_.works.empty()) {
      Add("counters", Severity::kUnknown, "no call was counted",
          "SHOW pg_hello.track: is it none in this database, or for this role?");
      return;
    }
    std::vector<FunctionCounters> functions;
    for (const Work& work : result_.works) {
      if (work.began_anew) {
        Add("counters", Severity::kWarning,
            "counters of " + work.function + " were reset meanwhile: what was before is missing");
      }
      functions.push_back({.function = work.function,
                           .calls = static_cast<std::uint64_t>(work.calls),
                           .errors = static_cast<std::uint64_t>(work.errors),
                           .p95_ms = work.p95_ms});
    }
    for (Finding& finding : JudgeCounters(database_, functions, request_.objectives)) {
      result_.findings.push_back(std::move(finding));
    }
  }

  const LoadRequest& request_;
  std::string application_;
  LoadResult result_;
  Session* session_ = nullptr;
  std::string database_;
  std::string schema_;
};

}  // namespace

LoadResult RunLoad(const LoadRequest& request) { return LoadTest(request).Run(); }

std::vector<std::string> SignsOfProduction(const DatabaseSigns& signs) {
  std::vector<std::string> found;
  const std::string name = Lower(signs.name);
  for (const char* const word : {"prod", "live"}) {
    if (name.find(word) != name.npos) {
      found.push_back("its name has \"" + std::string(word) + "\" in it");
    }
  }
  if (signs.other_sessions > 0) {
    found.push_back(std::to_string(signs.other_sessions) + " other sessions are connected to it");
  }
  if (signs.bytes >= kLargeBytes) {
    found.push_back("it has " + std::to_string(signs.bytes / 1'000'000) + " MB, 1000 or more");
  }
  if (signs.standbys > 0) {
    found.push_back(std::to_string(signs.standbys) + " standbys follow its server");
  }
  if (signs.in_recovery) found.push_back("its server is a standby");
  if (signs.archives) found.push_back("its server archives its WAL (archive_mode)");
  return found;
}

}  // namespace pg_hello::ctl
