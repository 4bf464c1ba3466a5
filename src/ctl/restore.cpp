#include "ctl/restore.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include "ctl/backup_store.h"
#include "ctl/database_properties.h"
#include "ctl/failure.h"
#include "ctl/manifest.h"
#include "ctl/own_functions.h"
#include "ctl/questions.h"
#include "ctl/restored.h"
#include "ctl/scratch.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

// Anything that is not the server's own, or an extension's: extensions may have been made already.
constexpr char kHasObjects[] =
    "SELECT EXISTS (SELECT FROM (SELECT 'pg_class'::regclass, oid FROM pg_class"
    " UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc"
    " UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace"
    "   WHERE nspname !~ '^pg_(toast_)?temp_'"
    " UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata)"
    " AS o(classid, objid) WHERE objid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d"
    " WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype IN ('e', 'i', 'a')))";

class Restoration {
 public:
  Restoration(const Target& target, const RestoreRequest& request, Findings& findings,
              bool& changed)
      : request_(request),
        findings_(findings),
        changed_(changed),
        name_(request.into.empty() ? request.database : request.into),
        progress_(request.quiet),
        backup_(FindBackup(request.backup)),
        archived_(ReadArchive()),
        server_(Connect(target)),
        tools_(Tools::Find(request.bindir, server_.server_version_num())),
        at_{target, server_, tools_, progress_} {}

  void Run() {
    CheckServer();
    DropAbandonedScratch(server_);
    if (request_.extension_data) {
      RestoreData();
    } else if (!Exists()) {
      RestoreAs("");
    } else if (!request_.replace.empty()) {
      RestoreAs(ReplacedName(name_, UtcText(std::time(nullptr))));
    } else {
      RestoreInPlace();
    }
  }

 private:
  void Add(const char* check, std::string message, std::string hint = "") {
    findings_.push_back({check, Severity::kOk, name_, std::move(message), std::move(hint)});
  }

  // Everything about the archive that can be known without a server.
  ArchivedDatabase ReadArchive() {
    if (!request_.replace.empty() && request_.replace != name_) {
      throw Failure({"usage", Severity::kUnknown, "",
                     "--replace names \"" + request_.replace + "\", but \"" + name_ +
                         "\" is what would be restored",
                     ""});
    }
    progress_.Step("checking " + backup_.string());
    manifest_ = ReadManifest(backup_);
    if (manifest_.physical) {
      throw Failure("archive", backup_.string() + " is a copy of a whole cluster",
                    "docs/disaster-recovery.md says how to start a server from it");
    }
    const auto found =
        std::find_if(manifest_.databases.begin(), manifest_.databases.end(),
                     [this](const ArchivedDatabase& one) { return one.name == request_.database; });
    if (found == manifest_.databases.end()) {
      throw Failure("archive", "database \"" + request_.database + "\" is not in the backup");
    }
    const std::string& dump = request_.extension_data ? found->extension_dump : found->dump;
    if (dump.empty()) {
      throw Failure("archive",
                    "the backup has no extension data of database \"" + request_.database + "\"");
    }
    const auto file = std::find_if(manifest_.files.begin(), manifest_.files.end(),
                                   [&dump](const ArchivedFile& one) { return one.path == dump; });
    if (file == manifest_.files.end()) {
      throw Failure("archive", "the backup is damaged: its manifest does not list " + dump);
    }
    CheckFiles(backup_, {*file});
    findings_.push_back({"archive", Severity::kOk, "",
                         backup_.string() + " of " + manifest_.created_at + " is whole" +
                             (manifest_.verified ? "" : ", but was not verified"),
                         ""});
    return *found;
  }

  // To a database that can be renamed and dropped.
  Session Connect(const Target& target) {
    Session session = MustOpenServer(target);
    const Rows rows = MustAsk(session, "connection", "SELECT current_database()");
    if (rows.at(0)[0] != name_) return session;
    return MustOpen(target, name_ == "postgres" ? "template1" : "postgres");
  }

  // Everything that would make it fail later.
  void CheckServer() {
    const int major = server_.server_version_num() / 10000;
    const int archived_major = manifest_.server_version_num / 10000;
    if (major < archived_major) {
      throw Failure("versions",
                    "the backup is from PostgreSQL " + std::to_string(archived_major) +
                        ", and this server is of version " + std::to_string(major),
                    "restore into a server that is not older");
    }
    CheckExtension();
    CheckRoles();
  }

  void CheckExtension() {
    const std::string& version = archived_.extension_version;
    if (version.empty()) return;
    const Rows rows =
        MustAsk(server_, "versions",
                "SELECT default_version, EXISTS (SELECT FROM pg_available_extension_versions v"
                " WHERE v.name = 'pg_hello' AND v.version = $1)"
                " FROM pg_available_extensions WHERE name = 'pg_hello'",
                {version});
    const std::string files = " of the extension's files in " + (backup_ / "extension").string();
    if (rows.empty()) {
      throw Failure("versions", "the server has no extension pg_hello", "install it; mind" + files);
    }
    const std::string present = rows[0][0].value_or("");
    if (rows[0][1] != "t") {
      throw Failure("versions",
                    "the backup has version " + version +
                        " of the extension, which this server does not know",
                    "install that version" + files);
    }
    if (!IsOrFollows(server_, version, present)) {
      throw Failure("versions", "the backup has version " + version +
                                    " of the extension, and this server makes version " + present);
    }
    if (present != version && !request_.extension_data) {
      findings_.push_back({"versions", Severity::kWarning, name_,
                           "the extension will be of version " + present + ", and was of version " +
                               version + " in the backup",
                           ""});
    }
  }

  void CheckRoles() {
    std::vector<std::string> needed;
    if (!request_.extension_data) {
      needed = archived_.roles;
      if (!Exists() || !request_.replace.empty()) {
        needed.push_back(archived_.properties.owner);
        for (const auto& grant : archived_.properties.grants) needed.push_back(grant.grantee);
        for (const auto& setting : archived_.properties.settings) needed.push_back(setting.role);
      }
    }
    std::vector<std::string> missing;
    for (const std::string& role : needed) {
      // The extension makes these two itself.
      const bool made =
          !archived_.extension_version.empty() && (role == "hello_users" || role == "hello_admins");
      if (role.empty() || made ||
          std::find(missing.begin(), missing.end(), role) != missing.end()) {
        continue;
      }
      const Rows rows = MustAsk(server_, "roles",
                                "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", {role});
      if (rows.at(0)[0] != "t") missing.push_back(role);
    }
    if (missing.empty()) return;
    std::string names;
    for (const std::string& role : missing) names += (names.empty() ? "" : ", ") + role;
    throw Failure(
        "roles", "the server lacks roles that the backup needs: " + names,
        "make them; " + (backup_ / "server/globals.sql").string() + " has their commands");
  }

  bool Exists() {
    return MustAsk(server_, "restore", "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)",
                   {name_})
               .at(0)[0] == "t";
  }

  // As a new database. `old_name`: what the one that has its name now is called then.
  void RestoreAs(const std::string& old_name) {
    progress_.Step("restoring database \"" + request_.database + "\"");
    ScratchDatabase scratch(server_, archived_.properties);
    RestoreInto(at_, scratch.name(), backup_ / archived_.dump,
                {"--exit-on-error", "--jobs=" + std::to_string(request_.jobs)});
    progress_.Step("comparing it with the backup");
    MustBeAsArchived(at_, scratch.name(), archived_);
    ApplyProperties(server_, scratch.name(), archived_.properties);
    MustAsk(server_, "restore", "BEGIN");
    if (!old_name.empty()) Rename(name_, old_name);
    Rename(scratch.name(), name_);
    server_.Finish("COMMIT");
    scratch.Keep();
    Done("restored under a name of its own, and compared");
    if (!old_name.empty()) Add("replaced", "what it was before is database \"" + old_name + "\"");
  }

  void Rename(const std::string& from, const std::string& to) {
    const auto answer = server_.Ask("ALTER DATABASE " + QuotedIdentifier(from) + " RENAME TO " +
                                    QuotedIdentifier(to));
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      throw Failure("restore", error->message,
                    error->sqlstate == "55006" ? "end the sessions in that database first" : "");
    }
  }

  void RestoreInPlace() {
    {
      Session session = MustOpen(at_.target, name_);
      if (MustAsk(session, "restore", kHasObjects).at(0)[0] == "t") {
        throw Failure(
            "restore", "the database is there, and not empty",
            "to keep both, give --into NAME; to replace it, --replace " + QuotedIdentifier(name_));
      }
    }
    progress_.Step("restoring database \"" + request_.database + "\" in one transaction");
    RestoreInto(at_, name_, backup_ / archived_.dump, {"--single-transaction"});
    changed_ = true;
    MustBeAsArchived(at_, name_, archived_);
    Done("restored in one transaction, and compared");
  }

  void RestoreData() {
    if (!Exists()) throw Failure("restore", "the database does not exist", "CREATE DATABASE");
    RestoreExtensionData(at_, name_, backup_, archived_, !request_.replace.empty());
    Done("the extension's data was restored and compared, in one transaction");
  }

  void Done(const std::string& how) {
    std::int64_t rows = 0;
    std::int64_t tables = 0;
    for (const TableState& table : archived_.tables) {
      if (table.sequence || (request_.extension_data && !table.of_extension)) continue;
      ++tables;
      rows += table.rows;
    }
    Add("restored",
        how + ": " + std::to_string(rows) + " rows in " + std::to_string(tables) + " tables");
  }

  const RestoreRequest& request_;
  Findings& findings_;
  bool& changed_;
  std::string name_;
  StepLog progress_;
  fs::path backup_;
  Manifest manifest_;
  ArchivedDatabase archived_;
  Session server_;
  Tools tools_;
  Workplace at_;
};

}  // namespace

Findings Restore(const Target& target, const RestoreRequest& request) {
  Findings findings;
  const std::string& name = request.into.empty() ? request.database : request.into;
  bool changed = false;
  try {
    Restoration(target, request, findings, changed).Run();
  } catch (const Failure& failure) {
    findings.push_back(failure.finding());
  } catch (const fs::filesystem_error& error) {
    findings.push_back({"files", Severity::kCritical, "", error.what(), ""});
  }
  const Severity worst = Worst(findings);
  if (worst == Severity::kCritical || worst == Severity::kUnknown) {
    findings.push_back({"restored", worst, name,
                        changed ? "it was restored, but is not as it should be"
                                : "not restored; nothing was changed",
                        ""});
  }
  return findings;
}

std::string ReplacedName(const std::string& database, const std::string& time) {
  std::string suffix = "_replaced_" + time;
  std::erase_if(suffix, [](char c) { return c == '-' || c == ':'; });
  std::size_t size = std::min(database.size(), 63 - suffix.size());
  // Not through a character of UTF-8.
  while (size > 0 && size < database.size() && (database[size] & 0xC0) == 0x80) --size;
  return database.substr(0, size) + suffix;
}

}  // namespace pg_hello::ctl
