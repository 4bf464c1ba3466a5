// Apart from the connection because it is all that differs when there is no TLS.
#include "transport.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace pg_hello::http {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Transport::Result PlainTransport::Read(char* into, std::size_t size) {
  const ssize_t count = recv(socket_, into, size, 0);
  if (count > 0) return {Outcome::kDone, static_cast<std::size_t>(count), 0};
  if (count < 0 && WouldBlock(errno)) return {Outcome::kBlocked, 0, EPOLLIN};
  return {Outcome::kEnd, 0, 0};
}

Transport::Result PlainTransport::Write(std::span<iovec> parts) {
  msghdr message = {};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t count = sendmsg(socket_, &message, MSG_NOSIGNAL);
  if (count >= 0) return {Outcome::kDone, static_cast<std::size_t>(count), 0};
  if (WouldBlock(errno)) return {Outcome::kBlocked, 0, EPOLLOUT};
  return {Outcome::kEnd, 0, 0};
}

}  // namespace pg_hello::http
