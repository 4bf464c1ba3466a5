#include "ctl/restored.h"

#include <optional>
#include <utility>

#include "ctl/files.h"
#include "ctl/own_functions.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

std::string Assertion(const TableState& table, bool checksums) {
  std::string sql = "SELECT * INTO n, c FROM (" + StateQuestion(table) + ") AS state(n, c); IF n " +
                    (table.sequence ? "< " : "<> ") + std::to_string(table.rows);
  if (checksums && !table.sequence) sql += " OR c <> " + QuotedLiteral(table.checksum);
  return sql + " THEN RAISE EXCEPTION USING MESSAGE = " +
         QuotedLiteral(table.name + " is not as it was when it was backed up") + "; END IF; ";
}

// What must hold before the transaction commits.
std::string Assertions(const ArchivedDatabase& archived, bool checksums) {
  std::string body = "DECLARE n bigint; c text; BEGIN ";
  for (const TableState& table : archived.tables) {
    if (table.of_extension) body += Assertion(table, checksums);
  }
  for (const auto& [function, condition] : kFunctionProbes) {
    body += "IF (" + InSchema(condition, archived.extension_schema) +
            ") IS NOT TRUE THEN RAISE EXCEPTION '" + function + " answers wrongly'; END IF; ";
  }
  return std::string(kStateSettings) + ";\nDO " + QuotedLiteral(body + "END") + ";\n";
}

// pg_dump makes no schema for single tables.
std::string MakeExtension(const ArchivedDatabase& archived) {
  return "CREATE SCHEMA IF NOT EXISTS " + archived.extension_schema +
         ";\nCREATE EXTENSION pg_hello WITH SCHEMA " + archived.extension_schema + " VERSION " +
         QuotedLiteral(archived.extension_version) + ";\n";
}

// These two settings are by what the extension's triggers know that a dump is restored.
std::string Beginning(const ArchivedDatabase& archived, bool installed, bool replace) {
  std::string sql = "SET statement_timeout = 0;\nSET client_min_messages = warning;\n";
  if (!installed) sql += MakeExtension(archived);
  sql += "SET row_security = off;\nSET check_function_bodies = off;\n";
  for (const TableState& table : archived.tables) {
    if (!table.of_extension || table.sequence) continue;
    sql += "LOCK TABLE " + table.name + " IN SHARE ROW EXCLUSIVE MODE;\n";
    if (replace) sql += "DELETE FROM " + table.name + ";\n";
  }
  return sql;
}

void MustHaveRoom(const Workplace& at, const std::string& database, const InstalledExtension& there,
                  const ArchivedDatabase& archived, bool replace) {
  if (there.schema != archived.extension_schema) {
    throw Failure("restore", "the extension is in schema " + there.schema + " there, and in " +
                                 archived.extension_schema + " in the backup");
  }
  Session session = MustOpen(at.target, database);
  if (!IsOrFollows(session, archived.extension_version, there.version)) {
    throw Failure("versions",
                  "the extension is of version " + there.version + " there, and of version " +
                      archived.extension_version + " in the backup",
                  "ALTER EXTENSION pg_hello UPDATE");
  }
  if (replace) return;
  for (const TableState& table : archived.tables) {
    if (!table.of_extension || table.sequence) continue;
    if (MustAsk(session, "restore", "SELECT EXISTS (SELECT FROM " + table.name + ")").at(0)[0] ==
        "t") {
      throw Failure("restore", table.name + " has rows",
                    "to replace them, give --replace " + QuotedIdentifier(database));
    }
  }
}

}  // namespace

void RestoreInto(const Workplace& at, const std::string& database, const fs::path& dump,
                 std::vector<std::string> options) {
  options.push_back(dump.string());
  MustRun("restore", at.tools.Connected("pg_restore", at.server.ForPrograms(database), options));
}

void MustBeAsArchived(const Workplace& at, const std::string& database,
                      const ArchivedDatabase& archived) {
  Session session = MustOpen(at.target, database);
  bool same_version = false;
  if (!archived.extension_version.empty()) {
    const auto extension = FindExtension(session);
    if (!extension) throw Failure("installed", "the extension is missing after the restore");
    same_version = extension->version == archived.extension_version;
    MustAnswer(session, *extension);
  }
  const std::vector<std::string> differences =
      Differences(archived.tables, ReadTableStates(session, Tables::kAll), same_version);
  if (differences.empty()) return;
  std::string text = "it is not what was backed up: " + differences[0];
  if (differences.size() > 1) {
    text += ", and " + std::to_string(differences.size() - 1) + " more differences";
  }
  throw Failure("tables", text);
}

void RestoreExtensionData(const Workplace& at, const std::string& database, const fs::path& backup,
                          const ArchivedDatabase& archived, bool replace) {
  std::optional<InstalledExtension> there;
  {
    Session session = MustOpen(at.target, database);
    there = FindExtension(session);
  }
  if (there) MustHaveRoom(at, database, *there, archived, replace);

  const TemporaryDirectory scripts;
  const auto script = [&scripts](const char* name) { return (scripts.path() / name).string(); };
  WriteFile(script("1.sql"), Beginning(archived, there.has_value(), replace));
  MustRun("restore", at.tools.Plain("pg_restore", {"--data-only", "--file=" + script("2.sql"),
                                                   (backup / archived.extension_dump).string()}));
  const bool checksums = !there || there->version == archived.extension_version;
  WriteFile(script("3.sql"), Assertions(archived, checksums));
  at.progress.Step("restoring the extension's data into database \"" + database + "\"");
  MustRun("restore",
          at.tools.Connected("psql", at.server.ForPrograms(database),
                             {"--no-psqlrc", "--quiet", "--single-transaction",
                              "--set=ON_ERROR_STOP=1", "--file=" + script("1.sql"),
                              "--file=" + script("2.sql"), "--file=" + script("3.sql")}));
}

}  // namespace pg_hello::ctl
