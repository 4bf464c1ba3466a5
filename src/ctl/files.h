// Files and directories; a Failure names the one that could not be read or written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace pg_hello::ctl {

// All of these throw a Failure that names the file.

// As WriteWholeFile(); readable by its owner alone, and still there after a crash.
void WriteFile(const std::filesystem::path& path, std::string_view bytes);

std::string ReadFile(const std::filesystem::path& path);

// Syncs every file and directory below `directory`, and itself.
void SyncTree(const std::filesystem::path& directory);

// Renames, so that a crash later finds it under one of the two names. Never replaces anything.
void RenameDurably(const std::filesystem::path& from, const std::filesystem::path& to);

void MakeDirectory(const std::filesystem::path& directory);

std::uintmax_t SizeOfTree(const std::filesystem::path& directory);

// Bytes that this process may still write there.
std::uintmax_t FreeSpace(const std::filesystem::path& directory);

// A directory that is removed with all that is in it, unless it is kept.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(std::filesystem::path path);
  TemporaryDirectory();  // somewhere in TMPDIR, or in /tmp
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void Keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

// Held by one process at a time, and free again when that process ends, however it ends.
class FileLock {
 public:
  // Throws a Failure at once if another process has it.
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace pg_hello::ctl
