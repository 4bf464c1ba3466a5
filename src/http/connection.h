// One client: its socket, its one request at a time, its deadline. Knows nothing of epoll, of other
// connections or of what is served.
#ifndef PG_HELLO_HTTP_CONNECTION_H
#define PG_HELLO_HTTP_CONNECTION_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "descriptor.h"
#include "pg_hello/http/message.h"
#include "pg_hello/http/reactor.h"
#include "pg_hello/http/request_head.h"
#include "transport.h"

namespace pg_hello::http {

// Who takes nothing of a response for so long may lose it, if somebody else has to wait.
inline constexpr std::int64_t kStallMs = 100;

class Connection {
 public:
  enum class State {
    kHead,      // waiting for the rest of a head (or for the first)
    kIdle,      // between two requests, nothing received
    kComplete,  // request() waits for its turn: Await() or Respond()
    kAwaiting,  // a job makes the response for Respond()
    kSending,
    kDraining,  // all is said; waiting for the client's end, so that it reads it before a reset
    kClosed,
  };

  // `transport` is that of `socket`; its handshake, if it has one, is part of the first head's
  // time.
  Connection(Descriptor socket, std::unique_ptr<Transport> transport, std::uint64_t listener,
             const Limits& limits, std::int64_t now_ms);

  // What epoll said. Does a bounded amount of work: writes at most what `write_budget` allows,
  // which is lowered by what was written.
  void OnEvents(std::uint32_t events, std::int64_t now_ms, std::size_t& write_budget);

  // In kComplete: the response takes a while. A client that ends its side meanwhile has left.
  void Await() { Enter(State::kAwaiting, deadline_ms_); }

  // In kComplete or kAwaiting: answers request(), whose status decides with the client's wish
  // whether the connection goes on. Sends what the socket takes and the budget allows.
  void Respond(const Response& response, std::int64_t now_ms, std::size_t& write_budget);

  // No further request after the one under way; without one, closes.
  void Retire();

  // At once, with a reset if a response is under way.
  void Close();

  State state() const { return state_; }
  const HeadResult& request() const { return request_; }
  int socket() const { return socket_.get(); }
  std::uint64_t listener() const { return listener_; }
  std::int64_t deadline_ms() const { return deadline_ms_; }
  std::uint32_t wanted_events() const;
  bool being_answered() const {
    return state_ == State::kComplete || state_ == State::kAwaiting || state_ == State::kSending;
  }
  bool shaking_hands() const { return state_ == State::kHead && transport_->shaking_hands(); }

  // Nobody waits for an answer of ours here, and since when: such a connection may give up its
  // place to a new one.
  bool waiting() const;
  std::int64_t waiting_since_ms() const { return waiting_since_ms_; }

  // A response is being sent, and its client has taken nothing of it for a while; since when.
  bool stalled(std::int64_t now_ms) const {
    return state_ == State::kSending && now_ms - progress_at_ms_ >= kStallMs;
  }
  std::int64_t progress_at_ms() const { return progress_at_ms_; }
  // It would take something now, if it were its turn.
  void NoteProgress(std::int64_t now_ms) { progress_at_ms_ = now_ms; }
  // What is being sent; null if nothing is.
  const std::shared_ptr<const std::string>& body() const { return output_body_; }

 private:
  void Enter(State state, std::int64_t deadline_ms);
  bool Went(const Transport::Result& result, std::int64_t now_ms);
  void Read(std::int64_t now_ms);
  void TakeHead(std::int64_t now_ms);
  void Write(std::int64_t now_ms, std::size_t& budget);
  void Finish(std::int64_t now_ms);
  void Linger(std::int64_t now_ms);
  void Drain();

  Descriptor socket_;
  std::unique_ptr<Transport> transport_;
  std::uint32_t blocked_on_ = 0;  // what the transport waits for; 0: it did what it was asked
  std::uint64_t listener_;
  Limits limits_;
  State state_ = State::kHead;
  std::int64_t deadline_ms_;
  std::int64_t waiting_since_ms_;
  std::int64_t progress_at_ms_ = 0;  // in kSending
  bool retiring_ = false;

  std::string input_;        // at most kMaxHeadBytes
  std::size_t scanned_ = 0;  // of input_, without an end of head in it
  HeadResult request_;

  std::string output_head_;
  std::shared_ptr<const std::string> output_body_;
  std::size_t sent_ = 0;  // of both together
  bool keep_alive_ = false;
  std::size_t drained_ = 0;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_CONNECTION_H
