#include "ctl/backup.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <memory>
#include <utility>

#include "ctl/backup_store.h"
#include "ctl/extension_files.h"
#include "ctl/failure.h"
#include "ctl/files.h"
#include "ctl/logical_backup.h"
#include "ctl/own_functions.h"
#include "ctl/physical_backup.h"
#include "ctl/questions.h"
#include "ctl/scratch.h"
#include "ctl/sha256.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

class Backup {
 public:
  Backup(const Target& target, const BackupRequest& request, BackupResult& result)
      : request_(request),
        result_(result),
        progress_(request.quiet),
        server_(MustOpenServer(target)),
        tools_(Tools::Find(request.bindir, server_.server_version_num())),
        at_{target, server_, tools_, progress_} {}

  void Run() {
    const std::int64_t now = std::time(nullptr);
    manifest_.created_at = UtcText(now);
    manifest_.physical = request_.physical;
    const std::vector<std::string> databases = Databases();
    const BackupStore store(request_.directory);
    DropAbandonedScratch(server_);
    CheckSpace(store.directory(), databases);
    const std::unique_ptr<TemporaryDirectory> place = store.Begin();
    Fill(place->path(), databases);
    Finish(store, *place);
    if (manifest_.verified || !request_.verify) {
      for (const std::string& name : store.Retain(request_.retention, now)) {
        Add("retention", Severity::kOk, "backup " + name + " was removed");
      }
    }
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "",
           std::string database = "") {
    result_.findings.push_back(
        {check, severity, std::move(database), std::move(message), std::move(hint)});
  }

  std::vector<std::string> Databases() {
    const Rows rows = MustAsk(server_, "databases",
                              "SELECT datname, datallowconn AND NOT datistemplate FROM pg_database"
                              " WHERE datname !~ '^pg_helloctl_scratch_[0-9a-f]{16}$' ORDER BY 1");
    std::vector<std::string> chosen;
    if (request_.databases.empty()) {
      for (const auto& row : rows) {
        if (row[1] == "t") chosen.push_back(row[0].value_or(""));
      }
    }
    for (const std::string& name : request_.databases) {
      const auto found =
          std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row[0] == name; });
      const char* const trouble = found == rows.end()  ? "does not exist"
                                  : (*found)[1] != "t" ? "is a template, or allows no connections"
                                                       : nullptr;
      if (trouble != nullptr) {
        throw Failure({"connection", Severity::kCritical, name, trouble, ""});
      }
      if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
    }
    return chosen;
  }

  // As if nothing were compressed: without indexes, which dumps do not contain.
  void CheckSpace(const fs::path& directory, const std::vector<std::string>& databases) {
    if (!request_.check_space) return;
    std::uint64_t needed = 0;
    if (request_.physical) {
      needed = Number(server_, "SELECT sum(pg_database_size(oid)) FROM pg_database");
    } else {
      for (const std::string& database : databases) {
        Session session = MustOpen(at_.target, database);
        needed += Number(session,
                         "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class"
                         " WHERE relkind IN ('r', 'm') AND oid >= 16384");
      }
    }
    const std::uint64_t free = FreeSpace(directory);
    const std::string sizes = PrettySize(free) + " are free in " + directory.string() + ", and " +
                              PrettySize(needed) + " may be needed";
    if (free < needed) {
      throw Failure("space", sizes,
                    "make room, or give --no-space-check if it compresses well enough");
    }
    Add("space", Severity::kOk, sizes);
  }

  static std::uint64_t Number(Session& session, const std::string& question) {
    return std::stoull(MustAsk(session, "space", question).at(0)[0].value_or("0"));
  }

  void Fill(const fs::path& place, const std::vector<std::string>& databases) {
    Describe();
    if (request_.extension_files) {
      progress_.Step("saving the extension's files and the server's settings");
      const int files = ReadableFiles(place);
      Add("extension_files", Severity::kOk, std::to_string(files) + " files of the extension");
    }
    SaveServerSettings(server_, tools_, place);
    if (request_.physical) {
      CopyCluster(at_, place);
      Add("base_backup", Severity::kOk,
          "the cluster, " + PrettySize(SizeOfTree(place / "base")) +
              ", as pg_verifybackup found it");
      manifest_.verified = true;
      return;
    }
    MakeDirectory(place / "databases");
    for (const std::string& database : databases) Dump(place, database, databases.size());
    if (request_.verify) {
      manifest_.verified = true;
      for (const ArchivedDatabase& database : manifest_.databases) Verify(place, database);
    }
  }

  int ReadableFiles(const fs::path& place) {
    try {
      return SaveExtensionFiles(server_, place);
    } catch (const Failure& failure) {
      Finding finding = failure.finding();
      if (finding.severity == Severity::kUnknown) {
        finding.hint = "ask as a superuser, or give --no-extension-files";
      }
      throw Failure(finding);
    }
  }

  void Describe() {
    const Rows rows =
        MustAsk(server_, "server",
                "SELECT version(), (SELECT default_version FROM pg_available_extensions"
                " WHERE name = 'pg_hello'), (SELECT system_identifier FROM pg_control_system())");
    manifest_.server_version = rows.at(0)[0].value_or("");
    manifest_.server_version_num = server_.server_version_num();
    manifest_.default_version = rows[0][1].value_or("");
    manifest_.system_identifier = rows[0][2].value_or("");
  }

  void Dump(const fs::path& place, const std::string& database, std::size_t of) {
    const std::string number = std::to_string(manifest_.databases.size() + 1);
    progress_.Step("dumping database \"" + database + "\", " + number + " of " +
                   std::to_string(of));
    manifest_.databases.push_back(DumpDatabase(at_, database, place, number));
    const ArchivedDatabase& dumped = manifest_.databases.back();
    const std::string size = PrettySize(fs::file_size(place / dumped.dump));
    if (dumped.extension_version.empty()) {
      Add("dump", Severity::kWarning,
          "dumped, " + size + ", but extension pg_hello is not installed there", "", database);
    } else {
      Add("dump", Severity::kOk,
          "dumped, " + size + ", with extension pg_hello " + dumped.extension_version, "",
          database);
    }
  }

  void Verify(const fs::path& place, const ArchivedDatabase& database) {
    progress_.Step("verifying the dump of database \"" + database.name + "\"");
    try {
      VerifyDumps(at_, place, database);
      Add("verified", Severity::kOk,
          "a scratch database restored from it has the same " +
              std::to_string(database.tables.size()) + " tables",
          "", database.name);
    } catch (const Failure& failure) {
      ThrowIfStopped();
      manifest_.verified = false;
      Finding finding = failure.finding();
      finding.check = "verified";
      finding.message = "the dump could not be verified: " + finding.message;
      result_.findings.push_back(std::move(finding));
    }
  }

  void Finish(const BackupStore& store, TemporaryDirectory& place) {
    const fs::path& root = place.path();
    for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
      const fs::path path = entry->path().lexically_relative(root);
      // pg_basebackup has a manifest of its own.
      if (path == "base") entry.disable_recursion_pending();
      if (entry->is_regular_file()) AddFile(root, path);
    }
    if (request_.physical) AddFile(root, "base/backup_manifest");
    std::sort(
        manifest_.files.begin(), manifest_.files.end(),
        [](const ArchivedFile& left, const ArchivedFile& right) { return left.path < right.path; });
    WriteManifest(root, manifest_);
    ThrowIfStopped();
    result_.path = store.Complete(place, manifest_.created_at);
    const std::string message = "backup " + result_.path.string() + ", " +
                                PrettySize(SizeOfTree(result_.path)) + ", is complete";
    if (manifest_.verified || !request_.verify) {
      Add("complete", Severity::kOk, message + (manifest_.verified ? "" : ", but not verified"));
    } else {
      Add("complete", Severity::kCritical, message + ", but could not be verified",
          "older backups were kept; mend what hinders, and back up again");
    }
  }

  void AddFile(const fs::path& root, const fs::path& path) {
    manifest_.files.push_back(
        {path.string(), fs::file_size(root / path), Sha256OfFile(root / path)});
  }

  const BackupRequest& request_;
  BackupResult& result_;
  StepLog progress_;
  Session server_;
  Tools tools_;
  Workplace at_;
  Manifest manifest_;
};

}  // namespace

BackupResult MakeBackup(const Target& target, const BackupRequest& request) {
  BackupResult result;
  try {
    Backup(target, request, result).Run();
  } catch (const Failure& failure) {
    result.findings.push_back(failure.finding());
  } catch (const fs::filesystem_error& error) {
    result.findings.push_back({"files", Severity::kCritical, "", error.what(), ""});
  }
  if (result.path.empty()) {
    result.findings.push_back({"complete", Severity::kCritical, "", "there is no new backup", ""});
  }
  return result;
}

}  // namespace pg_hello::ctl
