#include "ctl/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "ctl/failure.h"
#include "ctl/whole_file.h"

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const char* what, const fs::path& path, int error) {
  throw Failure("files", std::string("could not ") + what + " " + path.string() + ": " +
                             std::strerror(error));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : number_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (number_ < 0) Fail("open", path, errno);
  }
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

void Sync(const fs::path& path, int flags) {
  const Descriptor file(path, flags);
  if (fsync(file.number()) != 0) Fail("sync", path, errno);
}

fs::path ParentOf(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

}  // namespace

void WriteFile(const fs::path& path, std::string_view bytes) {
  if (const std::string reason = WriteWholeFile(path, bytes, 0600); !reason.empty()) {
    throw Failure("files", "could not write " + path.string() + ": " + reason);
  }
  Sync(ParentOf(path), O_RDONLY | O_DIRECTORY);
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.good() && !file.eof()) Fail("read", path, errno);
  return bytes;
}

void SyncTree(const fs::path& directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_symlink()) continue;
    if (entry->is_directory()) Sync(entry->path(), O_RDONLY | O_DIRECTORY);
    if (entry->is_regular_file()) Sync(entry->path(), O_RDONLY);
  }
  if (error) Fail("read", directory, error.value());
  Sync(directory, O_RDONLY | O_DIRECTORY);
}

void RenameDurably(const fs::path& from, const fs::path& to) {
  // A directory that is there and empty would be replaced.
  if (fs::exists(fs::symlink_status(to))) Fail("create", to, EEXIST);
  if (rename(from.c_str(), to.c_str()) != 0) Fail("rename", from, errno);
  Sync(ParentOf(to), O_RDONLY | O_DIRECTORY);
}

void MakeDirectory(const fs::path& directory) {
  if (mkdir(directory.c_str(), 0700) != 0) Fail("create", directory, errno);
}

std::uintmax_t SizeOfTree(const fs::path& directory) {
  std::uintmax_t size = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;  // a program that still writes may remove what it made
    if (entry->is_regular_file(gone)) {
      const std::uintmax_t one = entry->file_size(gone);
      if (!gone) size += one;
    }
  }
  return size;
}

std::uintmax_t FreeSpace(const fs::path& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error) Fail("ask for the free space of", directory, error.value());
  return space.available;
}

TemporaryDirectory::TemporaryDirectory(fs::path path) : path_(std::move(path)) {
  MakeDirectory(path_);
}

TemporaryDirectory::TemporaryDirectory() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "pg_helloctl.XXXXXX").string();
  if (error || mkdtemp(name.data()) == nullptr) Fail("create", name, errno);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path_, ignored);
}

FileLock::FileLock(const fs::path& path)
    : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (descriptor_ < 0) Fail("open", path, errno);
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(descriptor_);
    if (error != EWOULDBLOCK) Fail("lock", path, error);
    throw Failure("lock", "another pg_helloctl works there: it holds " + path.string(),
                  "wait for its end");
  }
}

FileLock::~FileLock() { close(descriptor_); }

}  // namespace pg_hello::ctl
