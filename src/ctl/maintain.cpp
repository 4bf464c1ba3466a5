#include "ctl/maintain.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <utility>

#include "ctl/database_check.h"
#include "ctl/own_functions.h"
#include "ctl/performance_report.h"
#include "ctl/session.h"
#include "ctl/settings_snapshot.h"
#include "ctl/whole_file.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "maintain ";
// Of the advisory lock that keeps a second run out: "pg_hello" in ASCII, by its halves.
constexpr char kTryLock[] = "SELECT pg_try_advisory_lock(1885822824, 1701604463)";

// What is done in one database.
class Duties {
 public:
  Duties(const MaintainRequest& request, Session& session, std::string database, std::string schema,
         Findings& findings)
      : request_(request),
        session_(session),
        database_(std::move(database)),
        schema_(std::move(schema)),
        findings_(findings) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    label_ = LabelOf(request.period, now.count());
  }

  void Run() {
    Rows rows;
    // A large log is trimmed for as long as that takes.
    if (const auto error = session_.WaitForAnswers(0)) Failed("lock", *error, "");
    if (!Take("lock", session_.Ask(kTryLock), rows)) return;
    if (rows.at(0)[0] != "t") {
      Add("lock", Severity::kWarning, "another run is at work: nothing was done");
      return;
    }
    if (!request_.output.empty()) {
      directory_ = request_.output + "/" + FileNameOf(database_);
      std::error_code error;
      fs::create_directory(directory_, error);
      if (error) {
        Add("output", Severity::kUnknown,
            "could not create directory \"" + directory_ + "\": " + error.message());
        directory_.clear();
      }
    }
    Report();
    Baseline();
    RetainBaselines();
    RetainAudit();
    Settings();
    RetainFiles();
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    findings_.push_back({check, severity, database_, std::move(message), std::move(hint)});
  }

  bool Failed(const char* check, const SqlError& error, const char* denied) {
    const Severity severity = SeverityOf(error);
    Add(check, severity, error.message, severity == Severity::kUnknown ? denied : error.hint);
    return false;
  }

  bool Take(
      const char* check, std::variant<Rows, SqlError> answer, Rows& rows,
      const char* denied = "make the role that asks a member of pg_monitor and hello_admins") {
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      return Failed(check, *error, denied);
    }
    rows = std::move(std::get<Rows>(answer));
    return true;
  }

  std::string Table() const { return schema_ + ".pg_hello_performance_baseline"; }

  std::string FilePath(const std::string& what, const std::string& suffix) const {
    std::string label = label_;
    std::replace(label.begin(), label.end(), ' ', '-');
    return directory_ + "/" + what + "-" + label + suffix;
  }

  void Write(const std::string& path, const std::string& content) {
    if (const std::string reason = WriteWholeFile(path, content); !reason.empty()) {
      Add("output", Severity::kUnknown, "could not write \"" + path + "\": " + reason);
    }
  }

  // The last baseline of this kind that was captured before this day, week or month.
  std::string LastLabel() {
    Rows rows;
    if (!Take("baseline",
              session_.Ask("SELECT label FROM " + Table() +
                               " WHERE starts_with(label, $1) AND label < $2 COLLATE \"C\""
                               " ORDER BY label COLLATE \"C\" DESC LIMIT 1",
                           {kPrefix + request_.period + " ", kPrefix + label_}),
              rows) ||
        rows.empty()) {
      return "";
    }
    return rows[0][0].value_or("");
  }

  void Report() {
    PerformanceReport report = MakeReport(session_, LastLabel(), request_.objectives);
    for (const Finding& finding : report.findings) findings_.push_back(finding);
    if (directory_.empty() || report.to == 0) return;
    Write(FilePath("report", ".json"), AsJson(report));
    Write(FilePath("report", ".html"), AsHtml(report));
  }

  void Baseline() {
    const std::string label = kPrefix + label_;
    Rows rows;
    if (!Take("baseline",
              session_.Ask("SELECT EXISTS (SELECT FROM " + Table() + " WHERE label = $1)", {label}),
              rows)) {
      return;
    }
    if (rows.at(0)[0] == "t") {
      Add("baseline", Severity::kOk, "the baseline \"" + label + "\" is there already");
      return;
    }
    const auto answer =
        session_.Ask("SELECT " + schema_ + ".pg_hello_capture_baseline($1)", {label});
    if (const auto* const error = std::get_if<SqlError>(&answer);
        error != nullptr && error->sqlstate == "55000") {
      Add("baseline", Severity::kWarning, error->message, error->hint);
      return;
    }
    if (!Take("baseline", answer, rows)) return;
    Add("baseline", Severity::kOk,
        "the counters of " + rows.at(0)[0].value_or("?") + " functions are in the baseline \"" +
            label + "\"");
  }

  // Only of those that maintain has captured.
  void RetainBaselines() {
    Rows rows;
    if (!Take("baselines",
              session_.Ask("WITH old AS (SELECT label FROM " + Table() +
                               " WHERE starts_with(label, $1) GROUP BY label"
                               " ORDER BY label COLLATE \"C\" DESC OFFSET $2::bigint),"
                               " gone AS (DELETE FROM " +
                               Table() +
                               " WHERE label IN (SELECT label FROM old) RETURNING label)"
                               " SELECT count(DISTINCT label) FROM gone",
                           {kPrefix + request_.period + " ", std::to_string(Keep())}),
              rows)) {
      return;
    }
    Add("baselines", Severity::kOk,
        rows.at(0)[0].value_or("0") + " old " + request_.period +
            " baselines were deleted; the last " + std::to_string(Keep()) + " are kept");
  }

  void RetainAudit() {
    Rows rows;
    const char* const owner = "only the log's owner, or a superuser, may read and delete in it";
    if (request_.keep_audit.empty()) {
      if (Take("audit",
               session_.Ask("SELECT count(*), min(recorded_at)::text FROM " + schema_ +
                            ".security_audit_log"),
               rows, owner)) {
        Add("audit", Severity::kOk,
            "the audit log has " + rows.at(0)[0].value_or("0") + " records" +
                (rows[0][1] ? ", the first of " + *rows[0][1] : "") +
                "; none is deleted without --keep-audit");
      }
      return;
    }
    // That nothing was deleted need not be recorded.
    if (Take("audit",
             session_.Ask(
                 "SELECT CASE WHEN EXISTS (SELECT FROM " + schema_ +
                     ".security_audit_log WHERE recorded_at < clock_timestamp() - $1::interval)"
                     " THEN " +
                     schema_ + ".pg_hello_trim_audit_log($1::interval) ELSE 0 END",
                 {request_.keep_audit}),
             rows, owner)) {
      Add("audit", Severity::kOk,
          rows.at(0)[0].value_or("0") + " audit records older than " + request_.keep_audit +
              " were deleted");
    }
  }

  void Settings() {
    if (directory_.empty()) return;
    SettingValues now;
    if (const auto error = ReadSettings(session_, now)) {
      Failed("settings", *error, "GRANT pg_monitor to the role that asks");
      return;
    }
    const std::string path = FilePath("settings", ".json");
    // The last ones of another day, week or month: doing it again finds the same.
    std::string last;
    for (const fs::path& file : FilesOf("settings")) {
      if (file.string() < path && file.string() > last) last = file.string();
    }
    SettingValues before;
    if (!last.empty()) {
      if (const std::string reason = LoadSettings(last, before); !reason.empty()) {
        Add("drift", Severity::kUnknown, "could not read \"" + last + "\": " + reason);
      } else {
        for (Finding& finding : Drift(database_, before, now, fs::path(last).filename().string())) {
          findings_.push_back(std::move(finding));
        }
      }
    }
    Write(path, SaveSettings(now));
  }

  std::vector<fs::path> FilesOf(const std::string& what) const {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory_, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(what + "-" + request_.period + "-")) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  void RetainFiles() {
    if (directory_.empty()) return;
    for (const auto& [what, suffix] : {std::pair{"report", ".json"}, std::pair{"report", ".html"},
                                       std::pair{"settings", ".json"}}) {
      std::vector<fs::path> files = FilesOf(what);
      std::erase_if(files,
                    [wanted = suffix](const fs::path& file) { return file.extension() != wanted; });
      for (std::size_t i = 0; i + static_cast<std::size_t>(Keep()) < files.size(); ++i) {
        std::error_code error;
        fs::remove(files[i], error);
      }
    }
  }

  int Keep() const {
    return request_.keep_baselines > 0 ? request_.keep_baselines : DefaultKeep(request_.period);
  }

  const MaintainRequest& request_;
  Session& session_;
  std::string database_;
  std::string schema_;
  Findings& findings_;
  std::string label_;
  std::string directory_;  // empty: nothing is written
};

std::vector<std::string> AllDatabases(Session& server, Findings& findings) {
  std::vector<std::string> names;
  const auto answer = server.Ask(
      "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname");
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    findings.push_back({"databases", SeverityOf(*error), "", error->message, error->hint});
    return names;
  }
  for (const auto& row : std::get<Rows>(answer)) names.push_back(row[0].value_or(""));
  return names;
}

void MaintainDatabase(const MaintainRequest& request, const std::string& database, bool named,
                      Findings& findings) {
  auto opened = Session::Open(request.target, database);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    findings.push_back({"connection", SeverityOf(error->failure), database, error->message, ""});
    return;
  }
  Session& session = std::get<Session>(opened);
  const auto answer = AskForExtension(session);
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    findings.push_back({"installed", SeverityOf(*error), database, error->message, error->hint});
  } else if (const auto& extension = std::get<std::optional<InstalledExtension>>(answer)) {
    Duties(request, session, database, extension->schema, findings).Run();
  } else if (named) {
    findings.push_back({"installed", Severity::kCritical, database,
                        "extension pg_hello is not installed", "CREATE EXTENSION pg_hello"});
  }
}

}  // namespace

Findings Maintain(const MaintainRequest& request) {
  Findings findings;
  auto opened = Session::OpenServer(request.target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    findings.push_back({"connection", SeverityOf(error->failure), "", error->message, ""});
    return findings;
  }
  Session& server = std::get<Session>(opened);
  if (!CheckPreload(server, findings)) return findings;
  const bool named = !request.databases.empty();
  for (const std::string& database : named ? request.databases : AllDatabases(server, findings)) {
    MaintainDatabase(request, database, named, findings);
  }
  return findings;
}

int DefaultKeep(const std::string& period) {
  if (period == "daily") return 14;
  return period == "weekly" ? 9 : 13;
}

std::string LabelOf(const std::string& period, UnixMs now) {
  const std::time_t seconds = static_cast<std::time_t>(now / 1000);
  std::tm tm = {};
  localtime_r(&seconds, &tm);
  if (period == "weekly") {
    tm.tm_mday -= (tm.tm_wday + 6) % 7;
    tm.tm_hour = 12;  // far from any change of the clock
    tm.tm_isdst = -1;
    mktime(&tm);
  }
  char text[32];
  const std::size_t length =
      std::strftime(text, sizeof text, period == "monthly" ? "%Y-%m" : "%Y-%m-%d", &tm);
  return period + " " + std::string(text, length);
}

std::string FileNameOf(const std::string& database) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string name;
  for (const char c : database) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
        c == '-') {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name += {'%', kHex[byte / 16], kHex[byte % 16]};
    }
  }
  return name;
}

Findings Drift(const std::string& database, const SettingValues& before, const SettingValues& now,
               const std::string& since) {
  Findings findings;
  const auto add = [&](const std::string& what) {
    findings.push_back(
        {"drift", Severity::kWarning, database, what + " (since " + since + ")", ""});
  };
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    if (old == before.end()) {
      add(name + " is new: \"" + value + "\"");
    } else if (old->second != value) {
      add(name + " was \"" + old->second + "\", and is \"" + value + "\"");
    }
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) add(name + " is gone; it was \"" + value + "\"");
  }
  if (findings.empty()) {
    findings.push_back({"drift", Severity::kOk, database, "settings are as in " + since, ""});
  }
  return findings;
}

}  // namespace pg_hello::ctl
