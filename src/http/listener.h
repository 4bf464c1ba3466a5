// One wanted address: its one or two listening sockets, and when to try again what did not open.
#ifndef PG_HELLO_HTTP_LISTENER_H
#define PG_HELLO_HTTP_LISTENER_H

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "descriptor.h"
#include "pg_hello/http/reactor.h"
#include "unix_socket.h"

namespace pg_hello::http {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

class Listener {
 public:
  // One family's part of the address ("localhost" and "*" have two).
  struct Endpoint {
    sockaddr_storage address = {};
    socklen_t length = 0;
    bool optional = false;  // may be absent from this machine: not an error then
    Descriptor socket;
    UnixSocketFile file = {};
    std::uint16_t port = 0;
    std::string bound;  // "127.0.0.1:9797" or "unix:/path"; empty if not open
    std::string error;  // why it is not open
  };

  // Makes the owner hear of connections on a new socket. Returns 0 or errno.
  using Watch = std::function<int(int socket, std::uint64_t id)>;

  // `id` is the owner's, to know its listeners by.
  Listener(ListenAddress wanted, std::uint64_t id);

  // Tries whatever is not open yet and sets the next time to try. Where the system may choose the
  // port, `port` is asked for if it is not 0, or the one that an endpoint of this listener has.
  // Returns how many attempts failed.
  int Open(std::int64_t now_ms, std::uint16_t port, const Watch& watch);

  // Leaves what is not open unopened, for a reason that time does not change: Open() is not due.
  void Refuse(const std::string& reason);

  // The operator asked again: forget how long it has been failing.
  void RestartBackOff();

  const ListenAddress& wanted() const { return wanted_; }
  std::uint64_t id() const { return id_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  std::int64_t retry_at_ms() const { return retry_at_ms_; }
  std::uint16_t port() const;  // 0 if nothing is open
  ListenerState state() const;

 private:
  ListenAddress wanted_;
  std::uint64_t id_;
  std::string unusable_;  // why the host cannot be listened on at all
  std::string refused_;   // why the owner does not want it open now
  std::vector<Endpoint> endpoints_;
  std::int64_t back_off_ms_;
  std::int64_t retry_at_ms_ = kNever;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_LISTENER_H
