// The files of the server's log: which there are, and reading them, also while they are written,
// rotated and compressed.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/log_time.h"

namespace pg_hello::ctl {

// What is there of a log, by what its writer or logrotate(8) calls it.
struct LogSet {
  std::string directory = {};
  std::string pattern =
      {};  // of fnmatch(3): the files' names, before they are compressed or renamed
};

// The set of files to which `path` belongs. `log_filename`: the logging collector's, with
// strftime's escapes; empty: there is none, and old files are called PATH.1, PATH.2.gz, PATH-DATE.
LogSet LogSetOf(const std::string& path, const std::string& log_filename);

// The set's files that were written to at `since` or later, the least recently written one first.
std::vector<std::string> FilesOf(const LogSet& set, std::optional<UnixMs> since);

bool IsCompressed(std::string_view path);

using LineSink = std::function<void(std::string_view line)>;

// All of a .gz file. The reason if it ends too early or cannot be read; the lines until there were
// given.
std::string ReadCompressed(const std::string& path, const LineSink& sink);

// Which file it is, whatever its name.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

std::optional<FileIdentity> IdentityOf(const std::string& path);

// A file that is read as far as it goes, and further when more has come.
class Tail {
 public:
  // The reason if it cannot be opened. The reading begins at `offset`, or at the end.
  static std::string Open(const std::string& path, std::optional<off_t> offset,
                          std::unique_ptr<Tail>& tail);
  ~Tail();
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  // Gives the complete lines that have come. True: there were any bytes.
  bool Read(const LineSink& sink);

  // The last line, if nothing ended it.
  void Rest(const LineSink& sink);

  // It became shorter than what was read: begins anew. Gives the offset up to which its lines
  // were given.
  std::optional<off_t> Truncated();

  FileIdentity identity() const { return identity_; }

 private:
  Tail(int descriptor, FileIdentity identity) : descriptor_(descriptor), identity_(identity) {}

  int descriptor_;
  FileIdentity identity_;
  off_t offset_ = 0;
  std::string partial_;
};

}  // namespace pg_hello::ctl
