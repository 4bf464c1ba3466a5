#include "ctl/extension_files.h"

#include "ctl/failure.h"
#include "ctl/files.h"
#include "ctl/questions.h"
#include "ctl/sha256.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

// pg_config --pkglibdir and --sharedir, of the server that runs.
constexpr char kPaths[] =
    "WITH directory AS (SELECT max(setting) FILTER (WHERE name = 'PKGLIBDIR') AS library,"
    " max(setting) FILTER (WHERE name = 'SHAREDIR') || '/extension' AS share FROM pg_config)"
    " SELECT library || '/pg_hello.so' FROM directory"
    " UNION ALL SELECT share || '/' || f FROM directory, pg_ls_dir(share) f"
    " WHERE f = 'pg_hello.control' OR f ~ '^pg_hello--.*[.]sql$'";

constexpr char kSettings[] =
    "SELECT coalesce(jsonb_pretty(jsonb_agg(jsonb_build_object('name', name, 'setting', setting,"
    " 'unit', unit, 'source', source, 'pending_restart', pending_restart) ORDER BY name)), '[]')"
    " FROM pg_settings WHERE source NOT IN ('default', 'override', 'client', 'session')";

int Digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::string FromHexadecimal(const std::string& text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(Digit(text[i]) * 16 + Digit(text[i + 1]));
  }
  return bytes;
}

}  // namespace

int SaveExtensionFiles(Session& server, const fs::path& backup) {
  const Rows paths = MustAsk(server, "extension_files", kPaths);
  MakeDirectory(backup / "extension");
  for (const auto& row : paths) {
    const std::string path = row[0].value_or("");
    const Rows file = MustAsk(server, "extension_files",
                              "SELECT encode(bytes, 'hex'), encode(sha256(bytes), 'hex')"
                              " FROM (SELECT pg_read_binary_file($1) AS bytes) AS file",
                              {path});
    const std::string bytes = FromHexadecimal(file.at(0)[0].value_or(""));
    if (Sha256(bytes) != file[0][1]) {
      throw Failure("extension_files", path + " has changed on its way from the server");
    }
    WriteFile(backup / "extension" / fs::path(path).filename(), bytes);
  }
  return static_cast<int>(paths.size());
}

void SaveServerSettings(Session& server, const Tools& tools, const fs::path& backup) {
  MakeDirectory(backup / "server");
  WriteFile(backup / "server/settings.json",
            MustAsk(server, "settings", kSettings).at(0)[0].value_or("") + "\n");
  MustRun("settings",
          tools.Connected(
              "pg_dumpall",
              server.ForPrograms(
                  MustAsk(server, "settings", "SELECT current_database()").at(0)[0].value_or("")),
              {"--globals-only", "--no-role-passwords",
               "--file=" + (backup / "server/globals.sql").string()}));
}

}  // namespace pg_hello::ctl
