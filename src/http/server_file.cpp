// Apart from TLS because a token is a secret too, in builds without TLS as well.
#include "server_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "descriptor.h"

namespace pg_hello::http {
namespace {

std::string ErrnoText(int error) { return std::generic_category().message(error); }

// What PostgreSQL asks of its own private key file (check_ssl_key_file_permissions). Empty if it is
// so.
std::string SecretFileFault(const struct stat& status) {
  constexpr mode_t kGroupOrOthers = S_IRWXG | S_IRWXO;
  constexpr mode_t kBeyondGroupRead = S_IWGRP | S_IXGRP | S_IRWXO;
  const bool ours = status.st_uid == geteuid();
  const bool roots = status.st_uid == 0;
  if (!ours && !roots) return " must be owned by the database user or root";
  if ((ours && (status.st_mode & kGroupOrOthers) != 0) ||
      (roots && (status.st_mode & kBeyondGroupRead) != 0)) {
    return " has group or world access; its permissions must be u=rw (0600) or less if it is owned "
           "by the database user, or u=rw,g=r (0640) or less if it is owned by root";
  }
  return {};
}

}  // namespace

FileContents::~FileContents() { explicit_bzero(bytes.data(), bytes.size()); }

std::string QuotedFile(std::string_view kind, const std::string& path) {
  return std::string(kind) + " file \"" + path + "\"";
}

std::string ReadServerFile(std::string_view kind, const std::string& path, Secrecy secrecy,
                           FileContents& out) {
  const std::string what = QuotedFile(kind, path);
  if (path.empty()) return "no " + std::string(kind) + " file is set";
  // Non-blocking: a FIFO would wait for its other end before we can see that it is one.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return "could not open " + what + ": " + ErrnoText(errno);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return "could not read " + what + ": " + ErrnoText(errno);
  if (!S_ISREG(status.st_mode)) return what + " is not a regular file";
  const std::string fault = secrecy == Secrecy::kSecret ? SecretFileFault(status) : std::string();
  if (!fault.empty()) return what + fault;
  if (status.st_size > static_cast<off_t>(kMaxFileBytes)) return what + " is too long";
  // Its final size at once: a string that grows would leave copies behind.
  out.bytes.resize(kMaxFileBytes);
  std::size_t size = 0;
  while (size < out.bytes.size()) {
    const ssize_t count = read(file.get(), out.bytes.data() + size, out.bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return "could not read " + what + ": " + ErrnoText(errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  out.bytes.resize(size);
  return {};
}

}  // namespace pg_hello::http
