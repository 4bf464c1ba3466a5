#include "ctl/manifest.h"

#include <nlohmann/json.hpp>
#include <system_error>

#include "ctl/failure.h"
#include "ctl/files.h"
#include "ctl/sha256.h"

namespace pg_hello::ctl {

// nlohmann/json finds these by their names.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ArchivedFile, path, size, sha256)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DatabaseSetting, role, name, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DatabaseGrant, grantee, privilege, grantable)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TableState, name, sequence, of_extension, rows, checksum)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DatabaseProperties, owner, encoding, locale_provider, collate,
                                   ctype, icu_locale, settings, default_grants, grants)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ArchivedDatabase, name, properties, extension_version,
                                   extension_schema, dump, extension_dump, roles, tables)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Manifest, created_at, physical, server_version,
                                   server_version_num, system_identifier, default_version, verified,
                                   databases, files)

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr char kName[] = "manifest.json";
constexpr char kFormat[] = "pg_helloctl backup";
constexpr int kFormatVersion = 1;

[[noreturn]] void Damaged(const std::string& what) {
  throw Failure("archive", "the backup is damaged: " + what, "use another backup");
}

std::string ChecksumLine(const std::string& text) { return Sha256(text) + "  " + kName + "\n"; }

}  // namespace

std::string ManifestAsJson(const Manifest& manifest) {
  Json json = manifest;
  json["format"] = kFormat;
  json["format_version"] = kFormatVersion;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest ManifestFromJson(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) Damaged("manifest.json is not one of pg_helloctl's");
    if (json.at("format_version") != kFormatVersion) {
      throw Failure("archive",
                    "the backup is of format version " + json.at("format_version").dump() +
                        ", and this pg_helloctl reads version " + std::to_string(kFormatVersion),
                    "use the pg_helloctl that has made it");
    }
    return json.get<Manifest>();
  } catch (const Json::exception& error) {
    Damaged(std::string("manifest.json cannot be read: ") + error.what());
  }
}

void WriteManifest(const fs::path& backup, const Manifest& manifest) {
  const std::string text = ManifestAsJson(manifest);
  WriteFile(backup / kName, text);
  WriteFile(backup / (std::string(kName) + ".sha256"), ChecksumLine(text));
}

Manifest ReadManifest(const fs::path& backup) {
  std::error_code error;
  if (!fs::is_regular_file(backup / kName, error)) {
    throw Failure("archive", backup.string() + " is not a backup: it has no " + kName,
                  "name a directory that pg_helloctl backup has made");
  }
  const std::string text = ReadFile(backup / kName);
  const fs::path checksum = backup / (std::string(kName) + ".sha256");
  if (!fs::is_regular_file(checksum, error)) Damaged(checksum.string() + " is missing");
  if (ReadFile(checksum) != ChecksumLine(text)) {
    Damaged("manifest.json is not as it was written");
  }
  return ManifestFromJson(text);
}

void CheckFiles(const fs::path& backup, const std::vector<ArchivedFile>& files) {
  for (const ArchivedFile& file : files) {
    const fs::path path = backup / file.path;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) Damaged(file.path + " is missing");
    if (size != file.size) {
      Damaged(file.path + " has " + std::to_string(size) + " bytes instead of " +
              std::to_string(file.size));
    }
    if (Sha256OfFile(path) != file.sha256) Damaged(file.path + " has changed");
  }
}

}  // namespace pg_hello::ctl
