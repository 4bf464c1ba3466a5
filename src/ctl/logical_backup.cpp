#include "ctl/logical_backup.h"

#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "ctl/database_properties.h"
#include "ctl/own_functions.h"
#include "ctl/questions.h"
#include "ctl/restored.h"
#include "ctl/scratch.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

void Dump(const Workplace& at, const ProgramConnection& connection, const std::string& snapshot,
          const fs::path& file, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"--format=custom", "--snapshot=" + snapshot,
                                        "--file=" + file.string()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  MustRun("dump", at.tools.Connected("pg_dump", connection, std::move(arguments)), [&] {
    std::error_code none;
    const std::uintmax_t size = fs::file_size(file, none);
    if (!none) at.progress.Tick(PrettySize(size) + " written");
  });
}

// With the extension itself, and nothing of the database's own.
std::vector<std::string> ExtensionOnly(const TableStates& tables) {
  std::vector<std::string> options = {"--extension=pg_hello"};
  for (const TableState& table : tables) {
    if (table.of_extension) options.push_back("--table=" + table.name);
  }
  return options;
}

std::vector<std::string> RolesIn(Session& session) {
  std::vector<std::string> roles;
  for (const auto& row : MustAsk(session, "roles",
                                 "SELECT DISTINCT r.rolname FROM pg_shdepend d"
                                 " JOIN pg_roles r ON r.oid = d.refobjid"
                                 " WHERE d.refclassid = 'pg_authid'::regclass AND d.dbid ="
                                 " (SELECT oid FROM pg_database WHERE datname = current_database())"
                                 " ORDER BY 1")) {
    roles.push_back(row[0].value_or(""));
  }
  return roles;
}

ArchivedDatabase DumpInSnapshot(const Workplace& at, const std::string& database,
                                const fs::path& backup, const std::string& stem) {
  ArchivedDatabase archived{.name = database};
  archived.properties = ReadProperties(at.server, database);
  Session session = MustOpen(at.target, database);
  MustAsk(session, "dump", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  const std::string snapshot =
      MustAsk(session, "dump", "SELECT pg_export_snapshot()").at(0)[0].value_or("");
  if (const auto extension = FindExtension(session)) {
    archived.extension_version = extension->version;
    archived.extension_schema = extension->schema;
  }
  archived.roles = RolesIn(session);
  archived.tables = ReadTableStates(session, Tables::kAll);
  const ProgramConnection connection = session.ForPrograms(database);
  archived.dump = "databases/" + stem + ".dump";
  Dump(at, connection, snapshot, backup / archived.dump, {});
  const std::vector<std::string> extension_only = ExtensionOnly(archived.tables);
  if (extension_only.size() > 1) {
    archived.extension_dump = "databases/" + stem + ".extension.dump";
    Dump(at, connection, snapshot, backup / archived.extension_dump, extension_only);
  }
  return archived;
}

}  // namespace

ArchivedDatabase DumpDatabase(const Workplace& at, const std::string& database,
                              const fs::path& backup, const std::string& stem) {
  return About(database, [&] { return DumpInSnapshot(at, database, backup, stem); });
}

void VerifyDumps(const Workplace& at, const fs::path& backup, const ArchivedDatabase& database) {
  About(database.name, [&] {
    {
      const ScratchDatabase scratch(at.server, database.properties);
      RestoreInto(at, scratch.name(), backup / database.dump,
                  {"--exit-on-error", "--no-subscriptions"});
      MustBeAsArchived(at, scratch.name(), database);
    }
    if (database.extension_dump.empty()) return;
    const ScratchDatabase scratch(at.server, database.properties);
    RestoreExtensionData(at, scratch.name(), backup, database, false);
  });
}

}  // namespace pg_hello::ctl
