#include "ctl/log_files.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace pg_hello::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLine = 1 << 20;  // what is longer is cut there
constexpr std::size_t kChunk = 64 * 1024;

std::string QuotedForFnmatch(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// strftime's escapes stand for anything. What is after the last point is of the format, and the
// same in `name`.
std::string PatternOf(std::string_view log_filename, std::string_view name) {
  const std::size_t point = log_filename.rfind('.');
  std::string_view stem = log_filename.substr(0, point);
  std::string pattern;
  while (!stem.empty()) {
    const std::size_t percent = std::min(stem.find('%'), stem.size());
    pattern += QuotedForFnmatch(stem.substr(0, percent));
    if (percent == stem.size()) break;
    pattern += '*';
    stem.remove_prefix(std::min(percent + 2, stem.size()));
  }
  const std::size_t suffix = name.rfind('.');
  return pattern + (suffix == name.npos ? "" : QuotedForFnmatch(name.substr(suffix)));
}

// Gives the complete lines of `text` and leaves the rest in it.
void GiveLines(std::string& text, const LineSink& sink) {
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    sink(std::string_view(text).substr(begin, std::min(end - begin, kMaxLine)));
  }
  text.erase(0, begin);
  if (text.size() > kMaxLine) text.resize(kMaxLine);
}

UnixMs ModifiedMs(const struct stat& status) {
  return static_cast<UnixMs>(status.st_mtim.tv_sec) * 1000 + status.st_mtim.tv_nsec / 1000000;
}

}  // namespace

LogSet LogSetOf(const std::string& path, const std::string& log_filename) {
  const fs::path file(path);
  const std::string name = file.filename().string();
  return {file.has_parent_path() ? file.parent_path().string() : ".",
          log_filename.empty() ? QuotedForFnmatch(name) : PatternOf(log_filename, name)};
}

std::vector<std::string> FilesOf(const LogSet& set, std::optional<UnixMs> since) {
  std::vector<std::pair<std::pair<UnixMs, std::string>, std::string>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(set.directory, error)) {
    const std::string name = entry.path().filename().string();
    bool ours = false;
    for (const char* const suffix : {"", ".gz", ".[0-9]*", "-[0-9]*"}) {
      ours = ours || fnmatch((set.pattern + suffix).c_str(), name.c_str(), 0) == 0;
    }
    struct stat status = {};
    if (!ours || stat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const UnixMs modified = ModifiedMs(status);
    if (since && modified < *since) continue;
    found.push_back({{modified, name}, entry.path().string()});
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> files;
  for (auto& [order, path] : found) files.push_back(std::move(path));
  return files;
}

bool IsCompressed(std::string_view path) { return path.ends_with(".gz"); }

std::string ReadCompressed(const std::string& path, const LineSink& sink) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (!file) return std::strerror(errno);
  std::string text;
  std::string chunk(kChunk, '\0');
  int size = 0;
  while ((size = gzread(file.get(), chunk.data(), kChunk)) > 0) {
    text.append(chunk, 0, static_cast<std::size_t>(size));
    GiveLines(text, sink);
  }
  if (!text.empty()) sink(text);
  int error = Z_OK;
  const char* const message = gzerror(file.get(), &error);
  if (error == Z_ERRNO) return std::strerror(errno);
  return error == Z_OK ? "" : message;
}

std::optional<FileIdentity> IdentityOf(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

std::string Tail::Open(const std::string& path, std::optional<off_t> offset,
                       std::unique_ptr<Tail>& tail) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::strerror(errno);
  struct stat status = {};
  const bool known = fstat(descriptor, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    std::string reason = known ? "it is not a regular file" : std::strerror(errno);
    close(descriptor);
    return reason;
  }
  tail.reset(new Tail(descriptor, {status.st_dev, status.st_ino}));
  tail->offset_ = offset.value_or(status.st_size);
  return "";
}

Tail::~Tail() { close(descriptor_); }

bool Tail::Read(const LineSink& sink) {
  std::string chunk(kChunk, '\0');
  bool any = false;
  ssize_t size = 0;
  while ((size = pread(descriptor_, chunk.data(), kChunk, offset_)) > 0) {
    any = true;
    offset_ += size;
    partial_.append(chunk, 0, static_cast<std::size_t>(size));
    GiveLines(partial_, sink);
  }
  return any;
}

void Tail::Rest(const LineSink& sink) {
  if (!partial_.empty()) sink(std::exchange(partial_, {}));
}

std::optional<off_t> Tail::Truncated() {
  struct stat status = {};
  if (fstat(descriptor_, &status) != 0 || status.st_size >= offset_) return std::nullopt;
  const off_t begin = offset_ - static_cast<off_t>(partial_.size());
  partial_.clear();
  offset_ = 0;
  return begin;
}

}  // namespace pg_hello::ctl
