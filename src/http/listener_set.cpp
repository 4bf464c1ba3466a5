// Apart from the reactor because addresses come and go with the settings, and connections with
// their clients.
#include "listener_set.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pg_hello::http {
namespace {

constexpr int kAcceptsPerTurn = 64;  // of each listening socket
constexpr std::int64_t kAcceptPauseMs = 100;
constexpr std::int64_t kNoRoomPauseMs = 10;

// These errors are the end of one connection that is not ours yet, not of the listener: accept(2).
bool IsOfOneConnection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string ListenerSet::LoadTls([[maybe_unused]] const TlsFiles& files) {
  tls_error_ = "this build has no TLS support";
  if constexpr (kHasTls) {
    std::unique_ptr<TlsContext> loaded = TlsContext::Load(files, tls_error_);
    if (loaded != nullptr) tls_ = std::move(loaded);
  }
  return tls_error_;
}

std::int64_t ListenerSet::certificates_expire_at_s() const {
  if constexpr (kHasTls) {
    if (tls_ != nullptr) return tls_->expires_at_s();
  }
  return 0;
}

std::vector<ListenerState> ListenerSet::states() const {
  std::vector<ListenerState> states;
  states.reserve(listeners_.size());
  for (const Listener& listener : listeners_) states.push_back(listener.state());
  return states;
}

void ListenerSet::Want(const std::vector<ListenAddress>& addresses, std::int64_t now_ms,
                       const Retired& retired) {
  if (std::none_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.tls; })) {
    tls_.reset();
  }
  const auto rank = [&](const Listener& listener) {
    return std::find(addresses.begin(), addresses.end(), listener.wanted());
  };
  for (const Listener& listener : listeners_) {
    if (rank(listener) == addresses.end()) retired(listener);
  }
  std::erase_if(listeners_, [&](const Listener& l) { return rank(l) == addresses.end(); });
  for (const ListenAddress& address : addresses) {
    const bool known = std::any_of(listeners_.begin(), listeners_.end(),
                                   [&](const Listener& l) { return l.wanted() == address; });
    if (!known) listeners_.emplace_back(address, epoll_.NewId());
  }
  std::sort(listeners_.begin(), listeners_.end(),
            [&](const Listener& a, const Listener& b) { return rank(a) < rank(b); });
  for (Listener& listener : listeners_) {
    listener.RestartBackOff();
    Open(listener, now_ms);
  }
}

void ListenerSet::Open(Listener& listener, std::int64_t now_ms) {
  const ListenAddress& wanted = listener.wanted();
  if (wanted.tls && tls_ == nullptr) {
    return listener.Refuse("could not serve HTTPS on " + wanted.host + ": " + tls_error_);
  }
  std::uint16_t chosen = 0;
  for (const Listener& other : listeners_) {
    if (chosen == 0 && other.wanted().port == 0) chosen = other.port();
  }
  const int failures = listener.Open(now_ms, chosen, watch_);
  bind_failures_ += static_cast<std::uint64_t>(failures);
}

void ListenerSet::Retry(std::int64_t now_ms) {
  if (accept_again_ms_ <= now_ms) ResumeAccepting();
  for (Listener& listener : listeners_) {
    if (listener.retry_at_ms() <= now_ms) Open(listener, now_ms);
  }
}

std::int64_t ListenerSet::next_retry_ms() const {
  std::int64_t next = accept_again_ms_;
  for (const Listener& listener : listeners_) next = std::min(next, listener.retry_at_ms());
  return next;
}

void ListenerSet::Accept(std::uint64_t id, std::int64_t now_ms, Host& host) {
  const auto listener = std::find_if(listeners_.begin(), listeners_.end(),
                                     [id](const Listener& l) { return l.id() == id; });
  if (listener == listeners_.end()) return;
  for (const Listener::Endpoint& endpoint : listener->endpoints()) {
    bool more = static_cast<bool>(endpoint.socket);
    for (int i = 0; i < kAcceptsPerTurn && more && (i == 0 || host.HasTime()); ++i) {
      if (!host.HasRoom()) {
        wants_room_ = true;
        return PauseAccepting(now_ms + kNoRoomPauseMs);
      }
      if (AcceptOne(endpoint.socket.get(), *listener, host, more)) continue;
      if ((errno == EMFILE || errno == ENFILE) && host.GiveUpOne()) continue;
      // No descriptors or no memory: the backlog stays readable, so look away for a while.
      return PauseAccepting(now_ms + kAcceptPauseMs);
    }
  }
}

void ListenerSet::HaveRoom() {
  if (wants_room_) ResumeAccepting();
}

void ListenerSet::ResumeAccepting() {
  wants_room_ = false;
  accept_again_ms_ = kNever;
  WatchAll(EPOLLIN);
}

void ListenerSet::PauseAccepting(std::int64_t until_ms) {
  accept_again_ms_ = until_ms;
  WatchAll(0);
}

// False, with errno, if the listener cannot accept now; `more` says whether there may be more to
// accept.
bool ListenerSet::AcceptOne(int listening, const Listener& listener, Host& host, bool& more) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  Descriptor socket(accept4(listening, reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    host.Admit(std::move(socket), PeerOf(address), listener);
    return true;
  }
  more = errno != EAGAIN && errno != EWOULDBLOCK;
  return !more || IsOfOneConnection(errno);
}

std::unique_ptr<Transport> ListenerSet::MakeTransport(int socket, const Listener& listener) const {
  if (!listener.wanted().tls) return std::make_unique<PlainTransport>(socket);
  if constexpr (kHasTls) {
    if (tls_ != nullptr) return tls_->Accept(socket);
  }
  return nullptr;
}

void ListenerSet::WatchAll(std::uint32_t events) {
  for (const Listener& listener : listeners_) {
    for (const Listener::Endpoint& endpoint : listener.endpoints()) {
      if (endpoint.socket) epoll_.Change(endpoint.socket.get(), listener.id(), events);
    }
  }
}

}  // namespace pg_hello::http
