// One turn after the other: what is done in which order, and how much of it. Who is here, and where
// they come from, is in places.cpp and listener_set.cpp.
#include "pg_hello/http/reactor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

#include "connection.h"
#include "descriptor.h"
#include "epoll_set.h"
#include "gate.h"
#include "job_queue.h"
#include "listener_set.h"
#include "places.h"
#include "response_head.h"

namespace pg_hello::http {
namespace {

// What one Poll() does at most, so that its owner's loop is never held. The rest stays readable.
constexpr int kAnswersPerPoll = 16;
constexpr int kHandshakesPerPoll = 16;  // steps of them
constexpr std::size_t kWrittenPerPoll = std::size_t{4} * 1024 * 1024;

constexpr std::int64_t kAskForRoomMs = 10;

// How much of a response the kernel holds beyond what is on its way.
constexpr int kUnsentBytes = 256 * 1024;

// On a Unix socket these fail, and are not needed.
void SetOptions(int socket) {
  const int on = 1;  // or the last piece of a long body waits for a delayed acknowledgement
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof(kUnsentBytes));
}

std::int64_t SteadyUs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

class Reactor::Impl final : public ListenerSet::Host {
 public:
  Impl(std::unique_ptr<Router> router, Limits limits, Observer observer, SliceClock clock)
      : router_(std::move(router)),
        limits_(limits),
        observer_(std::move(observer)),
        slice_clock_(clock ? std::move(clock) : SliceClock(SteadyUs)),
        listeners_(epoll_),
        places_(epoll_, limits.max_connections, limits.max_connections_of_peer) {}

  int epoll_fd() const { return epoll_.descriptor(); }
  ListenerSet& listeners() { return listeners_; }
  Gate& gate() { return gate_; }
  const Places& places() const { return places_; }
  std::uint64_t connections_refused() const { return connections_refused_; }

  void Listen(const std::vector<ListenAddress>& addresses, std::int64_t now_ms) {
    listeners_.Want(addresses, now_ms, [this](const Listener& listener) {
      places_.DriveAll([&listener](Connection& connection) {
        if (connection.listener() == listener.id()) connection.Retire();
      });
    });
  }

  void Poll(std::int64_t now_ms) {
    now_ms_ = now_ms;
    listeners_.Retry(now_ms);
    handshakes_left_ = kHandshakesPerPoll;
    write_budget_ = kWrittenPerPoll;
    const std::span<const EpollSet::Event> events = epoll_.Take();
    // Those who are here already first: what they have to say may save their places.
    for (const EpollSet::Event& event : events) {
      const Places::Iterator place = places_.Find(event.id);
      if (place != places_.end()) DriveByEvents(place, event.what, now_ms);
    }
    // As many more for those who come: more of them than have their turn would take each other's
    // places, and those of who waits for a turn.
    for (const EpollSet::Event& event : events) {
      handshakes_left_ = kHandshakesPerPoll;
      listeners_.Accept(event.id, now_ms, *this);
    }
    Answer(now_ms);
    Work(now_ms);
    places_.DriveAll([now_ms](Connection& connection) {
      if (connection.deadline_ms() <= now_ms) connection.Close();
    });
    if (listeners_.wants_room() && HasRoom()) listeners_.HaveRoom();
  }

  std::int64_t TimeoutMs(std::int64_t now_ms, std::int64_t at_most) const {
    if (!jobs_.empty() && !jobs_.blocked()) return 0;
    if (jobs_.blocked()) at_most = std::min(at_most, kAskForRoomMs);
    const std::int64_t next = std::min(listeners_.next_retry_ms(), places_.next_deadline_ms());
    if (next == kNever) return at_most;
    return std::min(std::max<std::int64_t>(next - now_ms, 0), at_most);
  }

 private:
  // Unless it would take a handshake or a byte too many: the socket stays as it is, so that its
  // turn comes with the next Poll().
  void DriveByEvents(Places::Iterator place, std::uint32_t events, std::int64_t now_ms) noexcept {
    const Connection& connection = place->second.connection;
    if (connection.shaking_hands() && handshakes_left_-- <= 0) return;
    if (connection.state() == Connection::State::kSending && write_budget_ == 0) {
      return place->second.connection.NoteProgress(now_ms);
    }
    places_.Drive(place, [&](Connection& c) { c.OnEvents(events, now_ms, write_budget_); });
  }

  void Admit(Descriptor socket, const Peer& peer, const Listener& listener) noexcept override {
    SetOptions(socket.get());
    if (!places_.MakeRoom(peer, now_ms_)) {
      ++connections_refused_;
      return;
    }
    try {
      std::unique_ptr<Transport> transport = listeners_.MakeTransport(socket.get(), listener);
      if (transport == nullptr) return;
      const Places::Iterator place = places_.Add(
          Connection(std::move(socket), std::move(transport), listener.id(), limits_, now_ms_),
          peer);
      if (place == places_.end()) return;
      // Its request is often here already; then nobody can take its place any more.
      DriveByEvents(place, EPOLLIN, now_ms_);
    } catch (...) {  // no memory for it: closed with the descriptor
    }
  }

  bool HasRoom() const noexcept override { return places_.HasRoom(now_ms_); }

  bool HasTime() const noexcept override { return handshakes_left_ > 0; }

  bool GiveUpOne() noexcept override { return places_.GiveUpOne(now_ms_); }

  // Answers complete requests, the longest waiting first.
  void Answer(std::int64_t now_ms) {
    for (int i = 0; i < kAnswersPerPoll; ++i) {
      const Places::Iterator next = places_.NextToAnswer();
      if (next == places_.end()) return;
      places_.Drive(next, [&](Connection&) { AnswerOne(next->second, now_ms); });
    }
  }

  void AnswerOne(Place& place, std::int64_t now_ms) {
    const HeadResult& request = place.connection.request();
    const std::string* route = nullptr;
    const http::Answer answer = request.status == 0
                                    ? AnswerHead(request.head, place.peer, route)
                                    : http::Answer(Refusal(request.status, request.reason));
    if (const auto* job = std::get_if<std::shared_ptr<Job>>(&answer)) {
      jobs_.Add(*job);
      place.job = *job;
      place.route = route;
      return place.connection.Await();
    }
    Respond(place.connection, route, std::get<Response>(answer), now_ms);
  }

  http::Answer AnswerHead(const RequestHead& head, const Peer& peer, const std::string*& route) {
    const bool local = peer.family == AF_UNIX;
    if (!local && !gate_.LetsInHost(head.host)) return WrongHost();
    const bool trusted = local || gate_.LetsIn(head.authorization);
    return router_->Route(head, trusted ? Caller::kTrusted : Caller::kStranger, &route);
  }

  void Respond(Connection& connection, const std::string* route, const Response& response,
               std::int64_t now_ms) {
    if (observer_) observer_(route == nullptr ? other_ : *route, response.status);
    connection.Respond(response, now_ms, write_budget_);
  }

  void Work(std::int64_t now_ms) noexcept {
    const auto make_room = [&] { return places_.EndStalledBody(now_ms); };
    jobs_.Work(
        slice_clock_, limits_.slice_us, make_room, [&](const auto& job, const Response& response) {
          for (Places::Iterator place = places_.begin(); place != places_.end();) {
            Place& waiting = (place++)->second;
            if (waiting.job != job) continue;
            waiting.job.reset();
            places_.Drive(std::prev(place),
                          [&](Connection& c) { Respond(c, waiting.route, response, now_ms); });
          }
        });
  }

  const std::string other_ = "other";
  std::unique_ptr<Router> router_;
  Limits limits_;
  Observer observer_;
  SliceClock slice_clock_;
  Gate gate_;
  EpollSet epoll_;
  ListenerSet listeners_;
  Places places_;
  JobQueue jobs_;                 // their owners are the places
  std::int64_t now_ms_ = 0;       // of this Poll()
  int handshakes_left_ = 0;       // in it
  std::size_t write_budget_ = 0;  // the same
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

std::string Reactor::LoadTls(const TlsFiles& files) { return impl_->listeners().LoadTls(files); }

bool Reactor::has_tls() const { return impl_->listeners().has_tls(); }

std::int64_t Reactor::certificates_expire_at_s() const {
  return impl_->listeners().certificates_expire_at_s();
}

std::string Reactor::SetAccess(const AccessRules& rules) { return impl_->gate().Keep(rules); }

bool Reactor::has_token() const { return impl_->gate().has_token(); }

std::vector<ListenerState> Reactor::listeners() const { return impl_->listeners().states(); }

std::uint64_t Reactor::bind_failures() const { return impl_->listeners().bind_failures(); }

void Reactor::Poll(std::int64_t now_ms) noexcept {
  try {
    impl_->Poll(now_ms);
  } catch (...) {  // an error text of a listener found no memory: it is tried again in its time
  }
}

std::int64_t Reactor::TimeoutMs(std::int64_t now_ms, std::int64_t at_most) const {
  return impl_->TimeoutMs(now_ms, at_most);
}

int Reactor::connections() const { return impl_->places().count(); }

std::uint64_t Reactor::connections_refused() const { return impl_->connections_refused(); }

int Reactor::requests_in_flight() const { return impl_->places().being_answered(); }

}  // namespace pg_hello::http
