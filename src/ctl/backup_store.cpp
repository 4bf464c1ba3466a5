#include "ctl/backup_store.h"

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

#include "ctl/failure.h"
#include "ctl/manifest.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

constexpr char kIncomplete[] = ".incomplete";
constexpr char kFormat[] = "%Y-%m-%dT%H:%M:%SZ";

// Without what some file systems do not like.
std::string NameOf(std::string created_at) {
  std::erase_if(created_at, [](char c) { return c == '-' || c == ':'; });
  return created_at;
}

void Remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw Failure("files", "could not remove " + path.string() + ": " + error.message());
}

fs::path Made(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) MakeDirectory(directory);
  return fs::absolute(directory);
}

}  // namespace

BackupStore::BackupStore(const fs::path& directory)
    : directory_(Made(directory)), lock_(std::make_unique<FileLock>(directory_ / ".lock")) {
  Remove(directory_ / kIncomplete);
}

std::unique_ptr<TemporaryDirectory> BackupStore::Begin() const {
  return std::make_unique<TemporaryDirectory>(directory_ / kIncomplete);
}

fs::path BackupStore::Complete(TemporaryDirectory& incomplete,
                               const std::string& created_at) const {
  const fs::path first = directory_ / NameOf(created_at);
  fs::path name = first;
  // Several in one second.
  for (int number = 2; fs::exists(name); ++number) {
    name = first.string() + "-" + std::to_string(number);
  }
  SyncTree(incomplete.path());
  RenameDurably(incomplete.path(), name);
  incomplete.Keep();
  return name;
}

std::vector<std::string> BackupStore::Retain(const Retention& retention, std::int64_t now) const {
  std::vector<std::string> names = Removable(KnownBackups(directory_), retention, now);
  for (const std::string& name : names) {
    // Half removed, it must not be taken for a backup.
    RenameDurably(directory_ / name, directory_ / kIncomplete);
    Remove(directory_ / kIncomplete);
  }
  return names;
}

std::vector<KnownBackup> KnownBackups(const fs::path& directory) {
  std::vector<KnownBackup> backups;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || !entry.is_directory()) continue;
    try {
      const Manifest manifest = ReadManifest(entry.path());
      backups.push_back({name, SecondsOfUtc(manifest.created_at), manifest.verified});
    } catch (const Failure&) {
      continue;  // damaged, or not one of ours
    }
  }
  return backups;
}

fs::path FindBackup(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    throw Failure("archive", "there is no directory " + path.string());
  }
  if (fs::exists(path / "manifest.json")) return path;
  std::vector<KnownBackup> backups = KnownBackups(path);
  std::erase_if(backups, [](const KnownBackup& backup) { return !backup.good; });
  const auto newest = std::max_element(
      backups.begin(), backups.end(), [](const KnownBackup& left, const KnownBackup& right) {
        return std::pair(left.created_at, left.name) < std::pair(right.created_at, right.name);
      });
  if (newest == backups.end()) {
    throw Failure("archive", "there is no verified backup in " + path.string(),
                  "name one that is not verified by its own directory");
  }
  return path / newest->name;
}

std::string UtcText(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts = {};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, kFormat, &parts);
  return text;
}

std::int64_t SecondsOfUtc(const std::string& text) {
  std::tm parts = {};
  const char* const end = strptime(text.c_str(), kFormat, &parts);
  return end != nullptr && *end == '\0' ? timegm(&parts) : 0;
}

}  // namespace pg_hello::ctl
