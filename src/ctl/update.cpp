#include "ctl/update.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "ctl/backup.h"
#include "ctl/failure.h"
#include "ctl/manifest.h"
#include "ctl/own_functions.h"
#include "ctl/progress.h"
#include "ctl/questions.h"
#include "ctl/stop_signal.h"
#include "ctl/table_state.h"
#include "ctl/update_plan.h"
#include "ctl/update_state.h"
#include "ctl/workplace.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Updating {
 public:
  Updating(const Target& target, const UpdateRequest& request, Findings& findings)
      : target_(target),
        request_(request),
        findings_(findings),
        progress_(request.quiet),
        server_(MustOpenServer(target)) {}

  void Run() {
    version_ = Version();
    const std::vector<PlannedDatabase> databases = Databases();
    for (const PlannedDatabase& database : databases) CheckPath(database);
    if (request_.plan) {
      for (Finding& step :
           UpdatePlan(databases, version_, request_.backup ? request_.backup_directory : "")) {
        findings_.push_back(std::move(step));
      }
      return;
    }
    Begin();
    MakeSureOfBackup(databases);
    for (const PlannedDatabase& database : databases) {
      ThrowIfStopped();
      About(database.name, [&] { UpdateOne(database); });
      if (!Contains(state_.done, database.name)) state_.done.push_back(database.name);
      if (database.version != version_) Save();
    }
    if (!state_file_.empty()) fs::remove(state_file_);
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "",
           std::string database = "") {
    findings_.push_back(
        {check, severity, std::move(database), std::move(message), std::move(hint)});
  }

  std::string Version() {
    const Rows rows =
        MustAsk(server_, "versions",
                "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_hello'");
    if (rows.empty()) {
      throw Failure("versions", "the server finds no pg_hello.control",
                    "install the files into the directory \"extension\" where pg_config --sharedir "
                    "says");
    }
    return request_.version.empty() ? rows[0][0].value_or("") : request_.version;
  }

  // Staging first, otherwise in the order in which they were named.
  std::vector<PlannedDatabase> Databases() {
    std::vector<std::string> names = request_.staging;
    std::vector<std::string> rest = request_.databases;
    const bool named = !rest.empty();
    if (!named) {
      for (const auto& row :
           MustAsk(server_, "databases",
                   "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"
                   " AND datname !~ '^pg_helloctl_scratch_[0-9a-f]{16}$' ORDER BY 1")) {
        rest.push_back(row[0].value_or(""));
      }
    }
    for (const std::string& name : rest) {
      if (!Contains(names, name)) names.push_back(name);
    }
    std::vector<PlannedDatabase> databases;
    for (const std::string& name : names) {
      const bool staging = Contains(request_.staging, name);
      Session session = MustOpen(target_, name);
      const auto extension = About(name, [&] { return FindExtension(session); });
      if (extension) {
        databases.push_back({name, extension->version, staging});
      } else if (named || staging) {
        throw Failure({"installed", Severity::kCritical, name,
                       "extension pg_hello is not installed",
                       "CREATE EXTENSION pg_hello, or leave this database out"});
      }
    }
    if (databases.empty()) throw Failure("databases", "no database has extension pg_hello");
    return databases;
  }

  void CheckPath(const PlannedDatabase& database) {
    if (IsOrFollows(server_, database.version, version_)) return;
    throw Failure({"versions", Severity::kCritical, database.name,
                   "there is no update from version " + database.version + " to " + version_,
                   "install the extension's files of that version; SELECT * FROM "
                   "pg_extension_update_paths('pg_hello') shows what there is"});
  }

  // Takes up what an interrupted update has left.
  void Begin() {
    if (request_.backup && request_.backup_directory.empty()) {
      throw Failure({"usage", Severity::kUnknown, "", "nothing says where to back up to",
                     "give --backup-dir DIRECTORY, or --no-backup"});
    }
    if (!request_.state_file.empty()) {
      state_file_ = request_.state_file;
    } else if (!request_.backup_directory.empty()) {
      state_file_ = fs::path(request_.backup_directory) / "update.state.json";
    }
    state_.system_identifier =
        MustAsk(server_, "versions", "SELECT system_identifier FROM pg_control_system()")
            .at(0)[0]
            .value_or("");
    state_.target_version = version_;
    if (state_file_.empty()) return;
    const auto left = ReadUpdateState(state_file_);
    if (!left) return;
    if (left->system_identifier != state_.system_identifier || left->target_version != version_) {
      throw Failure("state",
                    state_file_.string() + " is of an update to version " + left->target_version +
                        " that was interrupted, perhaps of another server",
                    "finish that one, or remove the file");
    }
    state_ = *left;
    Add("state", Severity::kOk,
        "goes on where it was interrupted: " + std::to_string(state_.done.size()) +
            " databases were done");
  }

  void Save() {
    if (!state_file_.empty()) WriteUpdateState(state_file_, state_);
  }

  // From an interrupted update, with all that is still to be done.
  bool HaveBackupOf(const std::vector<PlannedDatabase>& databases) const {
    if (state_.backup.empty()) return false;
    try {
      const std::vector<ArchivedDatabase> archived = ReadManifest(state_.backup).databases;
      return std::all_of(databases.begin(), databases.end(), [&](const PlannedDatabase& wanted) {
        return wanted.version == version_ || std::any_of(archived.begin(), archived.end(),
                                                         [&wanted](const ArchivedDatabase& one) {
                                                           return one.name == wanted.name;
                                                         });
      });
    } catch (const Failure&) {
      return false;  // it is gone, or damaged
    }
  }

  void MakeSureOfBackup(const std::vector<PlannedDatabase>& databases) {
    const bool needed =
        std::any_of(databases.begin(), databases.end(),
                    [this](const PlannedDatabase& one) { return one.version != version_; });
    if (!request_.backup || !needed) return;
    if (HaveBackupOf(databases)) {
      Add("backup", Severity::kOk, "backup " + state_.backup + " was made before");
      return;
    }
    BackupRequest wanted{.directory = request_.backup_directory};
    wanted.bindir = request_.bindir;
    wanted.quiet = request_.quiet;
    for (const PlannedDatabase& database : databases) wanted.databases.push_back(database.name);
    BackupResult made = MakeBackup(target_, wanted);
    const Severity worst = Worst(made.findings);
    for (Finding& finding : made.findings) findings_.push_back(std::move(finding));
    if (worst != Severity::kOk && worst != Severity::kWarning) {
      throw Failure("backup", "without a verified backup, nothing is updated");
    }
    state_.backup = made.path.string();
    Save();
  }

  void UpdateOne(const PlannedDatabase& database) {
    Session session = MustOpen(target_, database.name);
    if (database.version == version_) {
      MustAnswer(session, FindExtension(session).value());
      Add("updated", Severity::kOk, "is of version " + version_ + " already", "", database.name);
    } else {
      progress_.Step("updating database \"" + database.name + "\"");
      InOneTransaction(session);
      Add("updated", Severity::kOk,
          std::string(database.staging ? "staging: " : "") + "updated from version " +
              database.version + " to " + version_,
          "", database.name);
    }
    CompareLibrary(session, database.name);
  }

  static void MustBeOwner(Session& session) {
    const Rows rows = MustAsk(session, "updated",
                              "SELECT pg_has_role(extowner, 'USAGE'), pg_get_userbyid(extowner),"
                              " current_user FROM pg_extension WHERE extname = 'pg_hello'");
    if (rows.at(0)[0] == "t") return;
    throw Failure({"updated", Severity::kUnknown, "",
                   "permission denied: the extension belongs to role \"" + rows[0][1].value_or("") +
                       "\", and not to \"" + rows[0][2].value_or("") + "\"",
                   "update it as its owner"});
  }

  // Closing the session, whatever the reason, rolls back.
  void InOneTransaction(Session& session) {
    MustBeOwner(session);
    MustAsk(session, "updated", "BEGIN");
    MustAsk(session, "updated", "SELECT set_config('lock_timeout', $1, true)",
            {std::to_string(request_.lock_timeout_seconds) + "s"});
    for (const TableState& table : ReadTableStates(session, Tables::kOfExtension)) {
      if (table.sequence) continue;
      MustAsk(session, "updated", "LOCK TABLE " + table.name + " IN SHARE ROW EXCLUSIVE MODE");
    }
    const TableStates before = ReadTableStates(session, Tables::kOfExtension);
    const auto done =
        session.Ask("ALTER EXTENSION pg_hello UPDATE TO " + QuotedIdentifier(version_));
    if (const auto* const error = std::get_if<SqlError>(&done)) {
      ThrowIfStopped();
      Refuse("the update failed: " + error->message, error->hint);
    }
    try {
      MustAnswer(session, FindExtension(session).value());
    } catch (const Failure& failure) {
      ThrowIfStopped();
      Refuse("after the update, " + failure.finding().message);
    }
    // Their columns may be others now.
    const std::vector<std::string> differences =
        Differences(before, ReadTableStates(session, Tables::kOfExtension), false);
    if (!differences.empty()) Refuse("after the update, " + differences[0]);
    ThrowIfStopped();
    const auto committed = session.Finish("COMMIT");
    if (const auto* const error = std::get_if<SqlError>(&committed)) {
      Refuse("the update could not be committed: " + error->message, error->hint);
    }
  }

  [[noreturn]] static void Refuse(const std::string& why, const std::string& hint = "") {
    throw Failure("updated", why + "; rolled back", hint);
  }

  // What the server has loaded is what it started with.
  void CompareLibrary(Session& session, const std::string& database) {
    const auto extension = FindExtension(session);
    const auto answer =
        session.Ask("SELECT version FROM " + extension.value().schema + ".pg_hello_info()");
    const auto* const rows = std::get_if<Rows>(&answer);
    if (rows == nullptr || rows->empty()) return;  // not preloaded
    // A blank and what the library thinks of it follow where the two differ.
    std::string library = rows->at(0)[0].value_or("");
    library.resize(std::min(library.find(' '), library.size()));
    if (library == version_) return;
    Add("library", Severity::kWarning,
        "the server has loaded the library of version " + library +
            ", the extension is of version " + version_ + " now",
        "restart the server once the library of that version is installed", database);
  }

  const Target& target_;
  const UpdateRequest& request_;
  Findings& findings_;
  StepLog progress_;
  Session server_;
  std::string version_;
  fs::path state_file_;  // empty: none is kept
  UpdateState state_;
};

}  // namespace

Findings Update(const Target& target, const UpdateRequest& request) {
  Findings findings;
  try {
    Updating(target, request, findings).Run();
  } catch (const Failure& failure) {
    findings.push_back(failure.finding());
    findings.push_back(
        {"updated", failure.finding().severity, "",
         "not all databases were updated; what is not listed as updated is as it was",
         "mend what failed, and give the same command again"});
  } catch (const fs::filesystem_error& error) {
    findings.push_back({"files", Severity::kCritical, "", error.what(), ""});
  }
  return findings;
}

}  // namespace pg_hello::ctl
