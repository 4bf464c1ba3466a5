// The directory in which backups lie, each a directory that is named after its time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ctl/files.h"
#include "ctl/retention.h"

namespace pg_hello::ctl {

class BackupStore {
 public:
  // Makes the directory if need be, keeps others from working in it, and removes what a pg_helloctl
  // left that was killed. Throws a Failure.
  explicit BackupStore(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }

  // A place for a backup that is not complete yet.
  std::unique_ptr<TemporaryDirectory> Begin() const;

  // Gives it its name, durably; returns where it is then. Throws a Failure.
  std::filesystem::path Complete(TemporaryDirectory& incomplete,
                                 const std::string& created_at) const;

  // Removes backups, and returns their names. What has no readable manifest stays.
  std::vector<std::string> Retain(const Retention& retention, std::int64_t now) const;

 private:
  std::filesystem::path directory_;
  std::unique_ptr<FileLock> lock_;
};

// All that have a manifest which is as it was written.
std::vector<KnownBackup> KnownBackups(const std::filesystem::path& directory);

// `path` itself if it is a backup, else the newest good one in it. Throws a Failure.
std::filesystem::path FindBackup(const std::filesystem::path& path);

// UTC, as 2026-11-25T02:30:00Z, and back; 0 if the text is something else.
std::string UtcText(std::int64_t seconds);
std::int64_t SecondsOfUtc(const std::string& text);

}  // namespace pg_hello::ctl
