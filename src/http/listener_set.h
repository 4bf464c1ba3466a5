// The addresses that are wanted: opened, closed, tried again, and accepted from, with the
// certificate that those with TLS need. Knows nothing of what becomes of a connection.
#ifndef PG_HELLO_HTTP_LISTENER_SET_H
#define PG_HELLO_HTTP_LISTENER_SET_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "descriptor.h"
#include "epoll_set.h"
#include "listener.h"
#include "peer.h"
#include "tls.h"
#include "transport.h"

namespace pg_hello::http {

class ListenerSet {
 public:
  // `epoll` must outlive this object.
  explicit ListenerSet(EpollSet& epoll) : epoll_(epoll) {}
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;

  // As in Reactor.
  std::string LoadTls(const TlsFiles& files);
  bool has_tls() const { return tls_ != nullptr; }
  std::int64_t certificates_expire_at_s() const;
  std::vector<ListenerState> states() const;
  std::uint64_t bind_failures() const { return bind_failures_; }

  // As Reactor::Listen(). `retired` is called with each listener that goes, before it does; it must
  // not throw.
  using Retired = std::function<void(const Listener&)>;
  void Want(const std::vector<ListenAddress>& addresses, std::int64_t now_ms,
            const Retired& retired);

  // Tries again what is due: addresses that are not bound, and to accept.
  void Retry(std::int64_t now_ms);
  // Accepts again, if it was for want of room that it did not.
  void HaveRoom();
  bool wants_room() const { return wants_room_; }
  // When that is; kNever if nothing is.
  std::int64_t next_retry_ms() const;

  // Who is asked about new connections. Must not throw.
  class Host {
   public:
    // Whether Admit() may have a place for somebody. If not, they wait in the system's backlog.
    virtual bool HasRoom() const noexcept = 0;
    // Whether somebody whom Admit() lets in is listened to at once. If not, they wait there for the
    // next turn.
    virtual bool HasTime() const noexcept = 0;
    virtual void Admit(Descriptor socket, const Peer& peer, const Listener& listener) noexcept = 0;
    // Closes some connection, as there is no descriptor left for a new one. False if it can't.
    virtual bool GiveUpOne() noexcept = 0;

   protected:
    ~Host() = default;
  };

  // If `id` is a listener's: has `host` admit the connections that wait there, of which it takes a
  // bounded number. Without descriptors or memory, nothing is accepted for a while.
  void Accept(std::uint64_t id, std::int64_t now_ms, Host& host);

  // Null if the address has TLS and there is no certificate any more. Throws std::bad_alloc.
  std::unique_ptr<Transport> MakeTransport(int socket, const Listener& listener) const;

 private:
  void Open(Listener& listener, std::int64_t now_ms);
  static bool AcceptOne(int listening, const Listener& listener, Host& host, bool& more);
  void PauseAccepting(std::int64_t until_ms);
  void ResumeAccepting();
  void WatchAll(std::uint32_t events);

  EpollSet& epoll_;
  // Made once: a listener's retry must not begin with an allocation that fails.
  const Listener::Watch watch_ = [this](int socket, std::uint64_t id) {
    return epoll_.Add(socket, id, accept_again_ms_ == kNever ? std::uint32_t{EPOLLIN} : 0);
  };
  std::vector<Listener> listeners_;
  std::shared_ptr<const TlsContext> tls_;  // null: addresses with `tls` are not open
  std::string tls_error_ = "no certificate has been loaded";
  std::int64_t accept_again_ms_ = kNever;
  bool wants_room_ = false;
  std::uint64_t bind_failures_ = 0;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_LISTENER_SET_H
