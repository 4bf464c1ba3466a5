// The sockets that are waited for, each under an id. An id is never used again: what is said of one
// that is gone finds nobody.
#ifndef PG_HELLO_HTTP_EPOLL_SET_H
#define PG_HELLO_HTTP_EPOLL_SET_H

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "descriptor.h"

namespace pg_hello::http {

class EpollSet {
 public:
  struct Event {
    std::uint64_t id = 0;
    std::uint32_t what = 0;  // EPOLLIN, ...
  };

  // Throws std::system_error if the system has none.
  EpollSet();

  // Readable whenever one of the sockets is as it is wanted to be.
  int descriptor() const { return epoll_.get(); }

  std::uint64_t NewId() { return next_id_++; }

  // Both: 0 or errno. What is closed leaves by itself.
  int Add(int socket, std::uint64_t id, std::uint32_t wanted);
  int Change(int socket, std::uint64_t id, std::uint32_t wanted);

  // What has happened; valid until the next call. Does not wait.
  std::span<const Event> Take();

 private:
  static constexpr std::size_t kEvents = 320;  // at a time; the rest stays

  int Control(int operation, int socket, std::uint64_t id, std::uint32_t wanted);

  Descriptor epoll_;
  std::uint64_t next_id_ = 1;
  std::array<Event, kEvents> taken_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_EPOLL_SET_H
