// Apart from the reactor because it is all that is the system's in it.
#include "epoll_set.h"

#include <cerrno>
#include <system_error>

namespace pg_hello::http {

EpollSet::EpollSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

int EpollSet::Add(int socket, std::uint64_t id, std::uint32_t wanted) {
  return Control(EPOLL_CTL_ADD, socket, id, wanted);
}

int EpollSet::Change(int socket, std::uint64_t id, std::uint32_t wanted) {
  return Control(EPOLL_CTL_MOD, socket, id, wanted);
}

int EpollSet::Control(int operation, int socket, std::uint64_t id, std::uint32_t wanted) {
  epoll_event event = {};
  event.events = wanted;
  event.data.u64 = id;
  return epoll_ctl(epoll_.get(), operation, socket, &event) == 0 ? 0 : errno;
}

std::span<const EpollSet::Event> EpollSet::Take() {
  std::array<epoll_event, kEvents> events;
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  const std::size_t taken = count > 0 ? static_cast<std::size_t>(count) : 0;
  for (std::size_t i = 0; i < taken; ++i) {
    // Copied: epoll_event is packed, and references into it may be misaligned.
    taken_[i] = Event{events[i].data.u64, events[i].events};
  }
  return std::span<const Event>(taken_).first(taken);
}

}  // namespace pg_hello::http
