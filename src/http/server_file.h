// Files that the settings name: certificates, keys, tokens. Read whole, and nothing else than
// regular files, so that it does not block.
#ifndef PG_HELLO_HTTP_SERVER_FILE_H
#define PG_HELLO_HTTP_SERVER_FILE_H

#include <cstddef>
#include <string>
#include <string_view>

namespace pg_hello::http {

inline constexpr std::size_t kMaxFileBytes = std::size_t{1024} * 1024;

// A file's contents, wiped when they are no longer needed.
struct FileContents {
  FileContents() = default;
  FileContents(const FileContents&) = delete;
  FileContents& operator=(const FileContents&) = delete;
  ~FileContents();
  std::string bytes;
};

enum class Secrecy {
  kPublic,
  kSecret,  // only with the owner and permissions that PostgreSQL asks of its own private key
};

// "private key file \"server.key\"", for an error's text.
std::string QuotedFile(std::string_view kind, const std::string& path);

// Empty if all of the file is in `out`; otherwise why not, with nothing of its contents. Throws
// std::bad_alloc only. REQUIRES: `out` is empty.
std::string ReadServerFile(std::string_view kind, const std::string& path, Secrecy secrecy,
                           FileContents& out);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_SERVER_FILE_H
