// A socket's file, and beside it the lock that says whose it is. Both are removed with their owner.
#ifndef PG_HELLO_HTTP_UNIX_SOCKET_H
#define PG_HELLO_HTTP_UNIX_SOCKET_H

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "descriptor.h"

namespace pg_hello::http {

class UnixSocketFile {
 public:
  UnixSocketFile() = default;
  UnixSocketFile(UnixSocketFile&& other) noexcept;
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;
  ~UnixSocketFile();

  // Binds `socket` to a file at `path`, never open to more than `mode` says. A socket that is there
  // already is removed if nobody listens on it; anything else stays and is an error. "PATH.lock" is
  // held until this object goes, so that no other process does the same meanwhile. Returns 0 or
  // errno, and then sets `detail`, if the error's text does not say it all. Throws std::bad_alloc.
  // REQUIRES: nothing has been bound by this object.
  int Bind(int socket, const std::string& path, mode_t mode, const char*& detail);

 private:
  void Remove() noexcept;

  std::string path_;  // empty: nothing is bound
  Descriptor lock_;
  dev_t device_ = 0;  // of the socket's file, to know it by
  ino_t inode_ = 0;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_UNIX_SOCKET_H
