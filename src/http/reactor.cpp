// The bookkeeping of many: which descriptor woke, who gets a place, whose time is up. What happens
// on one connection or one address is in connection.cpp and listener.cpp.
#include "pg_hello/http/reactor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "connection.h"
#include "descriptor.h"
#include "job_queue.h"
#include "listener.h"
#include "response_head.h"
#include "tls.h"

namespace pg_hello::http {
namespace {

// What one Poll() does at most, so that its owner's loop is never held. The rest stays readable.
constexpr std::size_t kEventsPerPoll = 320;
constexpr int kAcceptsPerPoll = 64;  // of each listening socket
constexpr int kAnswersPerPoll = 16;
constexpr int kHandshakesPerPoll = 16;  // steps of them
constexpr std::size_t kWrittenPerPoll = std::size_t{4} * 1024 * 1024;

constexpr std::int64_t kAcceptPauseMs = 100;

constexpr std::uint32_t kReadable = EPOLLIN;

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

std::int64_t SteadyUs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

class Reactor::Impl {
 public:
  Impl(std::unique_ptr<Router> router, Limits limits, Observer observer, SliceClock clock)
      : router_(std::move(router)),
        limits_(limits),
        observer_(std::move(observer)),
        slice_clock_(clock ? std::move(clock) : SliceClock(SteadyUs)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  }

  int epoll_fd() const { return epoll_.get(); }
  int connections() const { return static_cast<int>(places_.size()); }
  int requests_in_flight() const {
    return static_cast<int>(std::count_if(places_.begin(), places_.end(), [](const auto& place) {
      return place.second.connection.being_answered();
    }));
  }
  std::uint64_t bind_failures() const { return bind_failures_; }
  std::uint64_t connections_refused() const { return connections_refused_; }

  std::vector<ListenerState> listeners() const {
    std::vector<ListenerState> states;
    states.reserve(listeners_.size());
    for (const Listener& listener : listeners_) states.push_back(listener.state());
    return states;
  }

  std::string LoadTls([[maybe_unused]] const TlsFiles& files) {
    tls_error_ = "this build has no TLS support";
    if constexpr (kHasTls) {
      std::unique_ptr<TlsContext> loaded = TlsContext::Load(files, tls_error_);
      if (loaded != nullptr) tls_ = std::move(loaded);
    }
    return tls_error_;
  }

  bool has_tls() const { return tls_ != nullptr; }

  std::int64_t certificates_expire_at_s() const {
    if constexpr (kHasTls) {
      if (tls_ != nullptr) return tls_->expires_at_s();
    }
    return 0;
  }

  void Listen(const std::vector<ListenAddress>& addresses, std::int64_t now_ms) {
    if (std::none_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.tls; })) {
      tls_.reset();
    }
    const auto rank = [&](const Listener& listener) {
      return std::find(addresses.begin(), addresses.end(), listener.wanted());
    };
    for (const Listener& listener : listeners_) {
      if (rank(listener) == addresses.end()) RetireConnections(listener.id());
    }
    std::erase_if(listeners_, [&](const Listener& l) { return rank(l) == addresses.end(); });
    for (const ListenAddress& address : addresses) {
      const bool known = std::any_of(listeners_.begin(), listeners_.end(),
                                     [&](const Listener& l) { return l.wanted() == address; });
      if (!known) listeners_.emplace_back(address, next_id_++);
    }
    std::sort(listeners_.begin(), listeners_.end(),
              [&](const Listener& a, const Listener& b) { return rank(a) < rank(b); });
    for (Listener& listener : listeners_) {
      listener.RestartBackOff();
      Open(listener, now_ms);
    }
  }

  void Poll(std::int64_t now_ms) {
    if (accept_again_ms_ <= now_ms) ResumeAccepting();
    handshakes_left_ = kHandshakesPerPoll;
    write_budget_ = kWrittenPerPoll;
    std::array<epoll_event, kEventsPerPoll> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    // Those who are here already first: what they have to say may save their places.
    for (int i = 0; i < count; ++i) {
      // Copies: epoll_event is packed, and references into it may be misaligned.
      const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
      const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
      const auto place = places_.find(id);
      if (place == places_.end()) continue;
      DriveByEvents(place, what, now_ms);
    }
    for (int i = 0; i < count; ++i) {
      const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
      for (const Listener& listener : listeners_) {
        if (listener.id() == id) Accept(listener, now_ms);
      }
    }
    Answer(now_ms);
    Work(now_ms);
    Expire(now_ms);
    for (Listener& listener : listeners_) {
      if (listener.retry_at_ms() <= now_ms) Open(listener, now_ms);
    }
  }

  std::int64_t TimeoutMs(std::int64_t now_ms, std::int64_t at_most) const {
    if (!jobs_.empty()) return 0;
    std::int64_t next = accept_again_ms_;
    for (const Listener& listener : listeners_) next = std::min(next, listener.retry_at_ms());
    for (const auto& [id, place] : places_) next = std::min(next, place.connection.deadline_ms());
    if (next == kNever) return at_most;
    return std::min(std::max<std::int64_t>(next - now_ms, 0), at_most);
  }

 private:
  struct Place {
    Connection connection;
    std::uint32_t watched_events;
    std::shared_ptr<Job> job = nullptr;  // that it awaits
    const std::string* route = nullptr;  // of the request for which it does
  };
  // By id, which is never used again: an event for a connection that is gone finds nothing. In the
  // order of arrival.
  using Places = std::map<std::uint64_t, Place>;

  int Watch(int operation, int descriptor, std::uint64_t id, std::uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = id;
    return epoll_ctl(epoll_.get(), operation, descriptor, &event) == 0 ? 0 : errno;
  }

  // Does `action` to a connection, and what follows from it. Erases the place if it was the end.
  template <typename Action>
  void Drive(Places::iterator place, Action&& action) noexcept {
    Connection& connection = place->second.connection;
    try {
      action(connection);
    } catch (...) {
      connection.Close();
    }
    const std::uint32_t wanted = connection.wanted_events();
    if (connection.state() != Connection::State::kClosed &&
        wanted != place->second.watched_events) {
      if (Watch(EPOLL_CTL_MOD, connection.socket(), place->first, wanted) != 0) connection.Close();
      place->second.watched_events = wanted;
    }
    if (connection.state() == Connection::State::kClosed) places_.erase(place);
  }

  // ... unless it would take a handshake or a byte too many: the socket stays as it is, so that its
  // turn comes with the next Poll().
  void DriveByEvents(Places::iterator place, std::uint32_t events, std::int64_t now_ms) noexcept {
    const Connection& connection = place->second.connection;
    if (connection.shaking_hands() && handshakes_left_-- <= 0) return;
    if (connection.state() == Connection::State::kSending && write_budget_ == 0) return;
    Drive(place, [&](Connection& c) { c.OnEvents(events, now_ms, write_budget_); });
  }

  template <typename Action>
  void DriveAll(Action&& action) noexcept {
    for (auto place = places_.begin(); place != places_.end();) {
      Drive(place++, action);
    }
  }

  void Open(Listener& listener, std::int64_t now_ms) {
    const ListenAddress& wanted = listener.wanted();
    if (wanted.tls && tls_ == nullptr) {
      return listener.Refuse("could not serve HTTPS on " + wanted.host + ": " + tls_error_);
    }
    std::uint16_t chosen = 0;
    for (const Listener& other : listeners_) {
      if (chosen == 0 && other.wanted().port == 0) chosen = other.port();
    }
    const int failures = listener.Open(now_ms, chosen, watch_listener_);
    bind_failures_ += static_cast<std::uint64_t>(failures);
  }

  void RetireConnections(std::uint64_t listener) {
    DriveAll([listener](Connection& connection) {
      if (connection.listener() == listener) connection.Retire();
    });
  }

  void Accept(const Listener& listener, std::int64_t now_ms) {
    for (const Listener::Endpoint& endpoint : listener.endpoints()) {
      if (!endpoint.socket) continue;
      for (int i = 0; i < kAcceptsPerPoll; ++i) {
        Descriptor socket(
            accept4(endpoint.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket) {
          Admit(std::move(socket), listener, now_ms);
          continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (IsOfOneConnection(errno)) continue;
        // No descriptors or no memory: the backlog stays readable, so look away for a while.
        return PauseAccepting(now_ms);
      }
    }
  }

  std::unique_ptr<Transport> MakeTransport(int socket, const Listener& listener) const {
    if (!listener.wanted().tls) return std::make_unique<PlainTransport>(socket);
    if constexpr (kHasTls) {
      if (tls_ != nullptr) return tls_->Accept(socket);
    }
    return nullptr;
  }

  void Admit(Descriptor socket, const Listener& listener, std::int64_t now_ms) noexcept {
    const int on = 1;  // or the last piece of a long body waits for a delayed acknowledgement
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connections() >= std::max(limits_.max_connections, 1) && !GiveUpAPlace()) {
      ++connections_refused_;
      return;
    }
    const std::uint64_t id = next_id_++;
    const int descriptor = socket.get();
    try {
      std::unique_ptr<Transport> transport = MakeTransport(descriptor, listener);
      if (transport == nullptr) return;
      Connection connection(std::move(socket), std::move(transport), listener.id(), limits_,
                            now_ms);
      const auto place = places_.try_emplace(id, Place{std::move(connection), kReadable}).first;
      if (Watch(EPOLL_CTL_ADD, descriptor, id, kReadable) != 0) {
        places_.erase(place);
        return;
      }
      // Its request is often here already; then nobody can take its place any more.
      DriveByEvents(place, kReadable, now_ms);
    } catch (...) {  // no memory for it: closed with the descriptor
    }
  }

  // Closes the connection that has been waiting longest. False if all are being answered.
  bool GiveUpAPlace() noexcept {
    auto oldest = places_.end();
    for (auto place = places_.begin(); place != places_.end(); ++place) {
      const Connection& connection = place->second.connection;
      if (!connection.waiting()) continue;
      if (oldest == places_.end() ||
          connection.waiting_since_ms() < oldest->second.connection.waiting_since_ms()) {
        oldest = place;
      }
    }
    if (oldest == places_.end()) return false;
    places_.erase(oldest);
    return true;
  }

  void PauseAccepting(std::int64_t now_ms) {
    accept_again_ms_ = now_ms + kAcceptPauseMs;
    WatchListeners(0);
  }

  void ResumeAccepting() {
    accept_again_ms_ = kNever;
    WatchListeners(kReadable);
  }

  void WatchListeners(std::uint32_t events) {
    for (const Listener& listener : listeners_) {
      for (const Listener::Endpoint& endpoint : listener.endpoints()) {
        if (endpoint.socket) Watch(EPOLL_CTL_MOD, endpoint.socket.get(), listener.id(), events);
      }
    }
  }

  // Answers complete requests, the longest waiting first.
  void Answer(std::int64_t now_ms) {
    for (int i = 0; i < kAnswersPerPoll; ++i) {
      auto next = places_.end();
      for (auto place = places_.begin(); place != places_.end(); ++place) {
        const Connection& connection = place->second.connection;
        if (connection.state() != Connection::State::kComplete) continue;
        if (next == places_.end() ||
            connection.deadline_ms() < next->second.connection.deadline_ms()) {
          next = place;
        }
      }
      if (next == places_.end()) return;
      Drive(next, [&](Connection&) { AnswerOne(next->second, now_ms); });
    }
  }

  void AnswerOne(Place& place, std::int64_t now_ms) {
    const HeadResult& request = place.connection.request();
    const std::string* route = nullptr;
    const http::Answer answer = request.status == 0
                                    ? router_->Route(request.head, &route)
                                    : http::Answer(Refusal(request.status, request.reason));
    if (const auto* job = std::get_if<std::shared_ptr<Job>>(&answer)) {
      jobs_.Add(*job);
      place.job = *job;
      place.route = route;
      return place.connection.Await();
    }
    Respond(place.connection, route, std::get<Response>(answer), now_ms);
  }

  void Respond(Connection& connection, const std::string* route, const Response& response,
               std::int64_t now_ms) {
    if (observer_) observer_(route == nullptr ? other_ : *route, response.status);
    connection.Respond(response, now_ms, write_budget_);
  }

  void Work(std::int64_t now_ms) noexcept {
    jobs_.Work(slice_clock_, limits_.slice_us, [&](const auto& job, const Response& response) {
      for (auto place = places_.begin(); place != places_.end();) {
        Place& waiting = (place++)->second;
        if (waiting.job != job) continue;
        waiting.job.reset();
        Drive(std::prev(place),
              [&](Connection& c) { Respond(c, waiting.route, response, now_ms); });
      }
    });
  }

  void Expire(std::int64_t now_ms) {
    DriveAll([now_ms](Connection& connection) {
      if (connection.deadline_ms() <= now_ms) connection.Close();
    });
  }

  const std::string other_ = "other";
  std::unique_ptr<Router> router_;
  Limits limits_;
  Observer observer_;
  SliceClock slice_clock_;
  Descriptor epoll_;
  // Made once: a listener's retry must not begin with an allocation that fails.
  const Listener::Watch watch_listener_ = [this](int socket, std::uint64_t id) {
    return Watch(EPOLL_CTL_ADD, socket, id, accept_again_ms_ == kNever ? kReadable : 0);
  };
  std::uint64_t next_id_ = 1;              // of connections and listeners alike
  std::shared_ptr<const TlsContext> tls_;  // null: addresses with `tls` are not open
  std::string tls_error_ = "no certificate has been loaded";
  std::vector<Listener> listeners_;
  Places places_;
  JobQueue jobs_;                 // their owners are the places
  int handshakes_left_ = 0;       // in this Poll()
  std::size_t write_budget_ = 0;  // the same
  std::int64_t accept_again_ms_ = kNever;
  std::uint64_t bind_failures_ = 0;
  std::uint64_t connections_refused_ = 0;
};

Reactor::Reactor(std::unique_ptr<Router> router, Limits limits, Observer observer, SliceClock clock)
    : impl_(std::make_unique<Impl>(std::move(router), limits, std::move(observer),
                                   std::move(clock))) {}
Reactor::~Reactor() = default;

int Reactor::epoll_fd() const { return impl_->epoll_fd(); }

void Reactor::Listen(const std::vector<ListenAddress>& addresses, std::int64_t now_ms) {
  impl_->Listen(addresses, now_ms);
}

std::string Reactor::LoadTls(const TlsFiles& files) { return impl_->LoadTls(files); }

bool Reactor::has_tls() const { return impl_->has_tls(); }

std::int64_t Reactor::certificates_expire_at_s() const { return impl_->certificates_expire_at_s(); }

std::vector<ListenerState> Reactor::listeners() const { return impl_->listeners(); }

std::uint64_t Reactor::bind_failures() const { return impl_->bind_failures(); }

void Reactor::Poll(std::int64_t now_ms) noexcept {
  try {
    impl_->Poll(now_ms);
  } catch (...) {  // an error text of a listener found no memory: it is tried again in its time
  }
}

std::int64_t Reactor::TimeoutMs(std::int64_t now_ms, std::int64_t at_most) const {
  return impl_->TimeoutMs(now_ms, at_most);
}

int Reactor::connections() const { return impl_->connections(); }

std::uint64_t Reactor::connections_refused() const { return impl_->connections_refused(); }

int Reactor::requests_in_flight() const { return impl_->requests_in_flight(); }

}  // namespace pg_hello::http
