// What a backup contains, and what it was made from: the file manifest.json in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ctl/table_state.h"

namespace pg_hello::ctl {

struct ArchivedFile {
  std::string path = {};  // relative to the backup
  std::uintmax_t size = 0;
  std::string sha256 = {};
};

struct DatabaseSetting {
  std::string role = {};  // empty: the database's, for all roles
  std::string name = {};
  std::string value = {};
};

struct DatabaseGrant {
  std::string grantee = {};  // empty: PUBLIC
  std::string privilege = {};
  bool grantable = false;
};

// What belongs to a database, but is not inside it: pg_dump does not carry it to another name.
struct DatabaseProperties {
  std::string owner = {};
  std::string encoding = {};
  std::string locale_provider = {};  // "c" or "i", as pg_database.datlocprovider
  std::string collate = {};
  std::string ctype = {};
  std::string icu_locale = {};
  std::vector<DatabaseSetting> settings = {};
  bool default_grants = true;
  std::vector<DatabaseGrant> grants = {};  // empty if these are the default ones
};

struct ArchivedDatabase {
  std::string name = {};
  DatabaseProperties properties = {};
  std::string extension_version = {};  // empty: the database has no pg_hello
  std::string extension_schema = {};
  std::string dump = {};                // paths in the backup
  std::string extension_dump = {};      // empty: the extension has no tables there
  std::vector<std::string> roles = {};  // own something in it, or are granted something
  TableStates tables = {};              // all, at the very moment of the dump
};

struct Manifest {
  std::string created_at = {};  // UTC, as 2026-11-25T02:30:00Z
  bool physical = false;        // pg_basebackup's, not pg_dump's
  std::string server_version = {};
  int server_version_num = 0;
  std::string system_identifier = {};  // of the server; empty: we may not see it
  std::string default_version = {};    // of the extension, as its control file says
  bool verified = false;
  std::vector<ArchivedDatabase> databases = {};
  std::vector<ArchivedFile> files = {};
};

std::string ManifestAsJson(const Manifest& manifest);

// Throws a Failure: it is no manifest, or is one of another format's version.
Manifest ManifestFromJson(const std::string& text);

// Writes manifest.json and manifest.json.sha256, which sha256sum --check understands.
void WriteManifest(const std::filesystem::path& backup, const Manifest& manifest);

// Throws a Failure if there is none, or if it is not as it was written.
Manifest ReadManifest(const std::filesystem::path& backup);

// Throws a Failure for the first of these files that is missing, too short, too long or changed.
void CheckFiles(const std::filesystem::path& backup, const std::vector<ArchivedFile>& files);

}  // namespace pg_hello::ctl
