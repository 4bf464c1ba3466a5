// Apart from the listener because a file stays when its process is killed, and a port does not.
#include "unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pg_hello::http {
namespace {

constexpr int kLockAttempts = 10;

std::string LockPath(const std::string& path) { return path + ".lock"; }

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// 0 or errno. Who has gone takes the lock's file along, so it may be another one by the time that
// it is locked.
int TakeLock(const std::string& path, Descriptor& out) {
  for (int i = 0; i < kLockAttempts; ++i) {
    Descriptor lock(
        open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!lock) return errno;
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      return errno == EWOULDBLOCK ? EADDRINUSE : errno;
    }
    struct stat locked = {};
    struct stat there = {};
    if (fstat(lock.get(), &locked) != 0) return errno;
    if (!S_ISREG(locked.st_mode)) return EEXIST;
    if (lstat(path.c_str(), &there) == 0 && there.st_dev == locked.st_dev &&
        there.st_ino == locked.st_ino) {
      out = std::move(lock);
      return 0;
    }
  }
  return EADDRINUSE;
}

// Removes a socket that nobody listens on. 0 or errno.
int RemoveStale(const std::string& path, const sockaddr_un& address, const char*& detail) {
  struct stat there = {};
  if (lstat(path.c_str(), &there) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(there.st_mode)) {
    detail = "what is there is not a socket";
    return EEXIST;
  }
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return errno;
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return EADDRINUSE;
  }
  if (errno == ENOENT) return 0;
  if (errno != ECONNREFUSED) return errno;
  return unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

UnixSocketFile::UnixSocketFile(UnixSocketFile&& other) noexcept
    : path_(std::exchange(other.path_, std::string())),
      lock_(std::move(other.lock_)),
      device_(other.device_),
      inode_(other.inode_) {}

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
  if (this != &other) {
    Remove();
    path_ = std::exchange(other.path_, std::string());
    lock_ = std::move(other.lock_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

UnixSocketFile::~UnixSocketFile() { Remove(); }

int UnixSocketFile::Bind(int socket, const std::string& path, mode_t mode, const char*& detail) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return ENAMETOOLONG;
  const sockaddr_un address = AddressOf(path);
  const std::string lock_path = LockPath(path);
  std::string path_copy = path;
  Descriptor lock;
  int failure = TakeLock(lock_path, lock);
  if (failure != 0) {
    detail = "its lock file could not be taken";
    return failure;
  }
  // From here on the lock's file goes with the lock, also if the rest fails.
  path_ = std::move(path_copy);
  lock_ = std::move(lock);
  failure = RemoveStale(path, address, detail);
  struct stat bound = {};
  // The file is made with the socket's own permissions, so it is never wider than it shall be.
  if (failure == 0 &&
      (fchmod(socket, 0) != 0 ||
       bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
       lstat(path.c_str(), &bound) != 0)) {
    failure = errno;
  }
  if (failure == 0) {
    device_ = bound.st_dev;
    inode_ = bound.st_ino;
    if (chmod(path.c_str(), mode) != 0) failure = errno;
  }
  if (failure != 0) Remove();
  return failure;
}

void UnixSocketFile::Remove() noexcept {
  if (path_.empty()) return;
  struct stat there = {};
  if (inode_ != 0 && lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ &&
      there.st_ino == inode_) {
    unlink(path_.c_str());
  }
  inode_ = 0;
  // While it is locked: who waits for it finds out that it is gone.
  try {
    unlink(LockPath(path_).c_str());
  } catch (...) {  // no memory: a lock's file that nobody holds is in nobody's way
  }
  path_.clear();
  lock_.Reset();
}

}  // namespace pg_hello::http
