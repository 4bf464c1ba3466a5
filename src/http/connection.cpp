// Apart from the reactor so that the life of one connection can be read, and tested over a
// socketpair, without the bookkeeping of many.
#include "connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "response_head.h"

namespace pg_hello::http {
namespace {

constexpr std::size_t kMaxWritePerTurn = std::size_t{256} * 1024;
constexpr std::size_t kMaxDrain = std::size_t{256} * 1024;
constexpr int kMaxDrainReadsPerTurn = 8;
constexpr std::int64_t kDrainMs = 500;

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// What is left of head and body after `sent` bytes, at most `limit` of it. Returns how many entries
// of `parts` are used.
std::size_t Gather(std::string_view head, std::string_view body, std::size_t sent,
                   std::size_t limit, std::array<iovec, 2>& parts) {
  std::size_t used = 0;
  for (std::string_view part : {head, body}) {
    const std::size_t skipped = std::min(sent, part.size());
    part.remove_prefix(skipped);
    sent -= skipped;
    part = part.substr(0, limit);
    limit -= part.size();
    // Nobody writes through it.
    if (!part.empty()) parts[used++] = {const_cast<char*>(part.data()), part.size()};
  }
  return used;
}

}  // namespace

Connection::Connection(Descriptor socket, std::unique_ptr<Transport> transport,
                       std::uint64_t listener, const Limits& limits, std::int64_t now_ms)
    : socket_(std::move(socket)),
      transport_(std::move(transport)),
      listener_(listener),
      limits_(limits),
      deadline_ms_(now_ms + limits.head_ms),
      waiting_since_ms_(now_ms) {}

void Connection::OnEvents(std::uint32_t events, std::int64_t now_ms, std::size_t& write_budget) {
  // While draining both ends may be shut, which is EPOLLHUP: what is left is read all the same, for
  // to close on unread bytes is a reset.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && state_ != State::kDraining) return Close();
  switch (state_) {
    case State::kHead:
    case State::kIdle:
      return Read(now_ms);
    case State::kSending:
      return Write(now_ms, write_budget);
    case State::kAwaiting:
      if ((events & EPOLLRDHUP) != 0) Close();
      return;
    case State::kDraining:
      return Drain();
    case State::kComplete:
    case State::kClosed:
      return;
  }
}

void Connection::Respond(const Response& response, std::int64_t now_ms, std::size_t& write_budget) {
  keep_alive_ = request_.status == 0 && request_.head.keep_alive && !retiring_;
  output_head_ = ResponseHead(response, keep_alive_);
  output_body_ = request_.head.method == "HEAD" ? nullptr : response.body;
  sent_ = 0;
  Enter(State::kSending, deadline_ms_);
  NoteProgress(now_ms);
  Write(now_ms, write_budget);
}

void Connection::Retire() {
  retiring_ = true;
  if (state_ == State::kIdle || (state_ == State::kHead && input_.empty())) Close();
}

void Connection::Close() {
  if (state_ == State::kSending) {
    // What the client has not taken is taken back: the kernel would keep it, and try, for minutes.
    const linger now = {1, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  Enter(State::kClosed, deadline_ms_);
  socket_.Reset();
  output_body_.reset();
}

std::uint32_t Connection::wanted_events() const {
  // A complete request which has not had its turn yet waits for the socket to be writable: it is,
  // so the epoll set stays readable.
  if (state_ == State::kComplete) return EPOLLOUT;
  if (state_ == State::kAwaiting) return EPOLLRDHUP;
  if (blocked_on_ != 0) return blocked_on_;
  if (state_ == State::kSending) return EPOLLOUT;
  // Input that the transport holds wakes nobody; a writable socket does.
  return state_ != State::kDraining && transport_->holds_input() ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

bool Connection::waiting() const {
  return state_ == State::kHead || state_ == State::kIdle || state_ == State::kDraining;
}

void Connection::Enter(State state, std::int64_t deadline_ms) {
  state_ = state;
  deadline_ms_ = deadline_ms;
  blocked_on_ = 0;
}

// Whether the transport did what it was asked; if not, sees to what follows.
bool Connection::Went(const Transport::Result& result, std::int64_t now_ms) {
  blocked_on_ = 0;
  switch (result.outcome) {
    case Transport::Outcome::kDone:
      return true;
    case Transport::Outcome::kBlocked:
      blocked_on_ = result.events;
      return false;
    case Transport::Outcome::kEnd:
      Close();
      return false;
    case Transport::Outcome::kFailed:
      Linger(now_ms);
      return false;
  }
  return false;
}

void Connection::Read(std::int64_t now_ms) {
  std::array<char, kMaxHeadBytes> chunk;
  const Transport::Result result = transport_->Read(chunk.data(), kMaxHeadBytes - input_.size());
  if (!Went(result, now_ms)) return;
  input_.append(chunk.data(), result.count);
  if (state_ == State::kIdle) Enter(State::kHead, now_ms + limits_.head_ms);
  TakeHead(now_ms);
}

void Connection::TakeHead(std::int64_t now_ms) {
  const std::string_view input = input_;
  // An end of head is at most three bytes long, so it may begin two before what was seen last.
  const std::size_t from = scanned_ - std::min<std::size_t>(scanned_, 2);
  const std::size_t end = FindHeadEnd(input.substr(from));
  if (end != 0) {
    request_ = ParseHead(input.substr(0, from + end));
    input_.erase(0, from + end);
  } else if (input.size() >= kMaxHeadBytes) {
    request_ = HeadResult();
    request_.status = input.find('\n') == std::string_view::npos ? 414 : 431;
    input_.clear();
  } else {
    scanned_ = input.size();
    return;
  }
  scanned_ = 0;
  Enter(State::kComplete, now_ms + limits_.response_ms);
}

void Connection::Write(std::int64_t now_ms, std::size_t& budget) {
  const std::string_view body =
      output_body_ == nullptr ? std::string_view() : std::string_view(*output_body_);
  const std::size_t total = output_head_.size() + body.size();
  // All of it or nothing: a transport that was blocked must not be given less the next time.
  std::size_t left = budget > 0 ? kMaxWritePerTurn : 0;
  while (sent_ < total && left > 0) {
    std::array<iovec, 2> parts;
    const std::size_t used = Gather(output_head_, body, sent_, left, parts);
    const Transport::Result result = transport_->Write({parts.data(), used});
    if (!Went(result, now_ms)) return;
    NoteProgress(now_ms);
    sent_ += result.count;
    left -= result.count;
    budget -= std::min(budget, result.count);
  }
  if (sent_ == total) Finish(now_ms);
}

void Connection::Finish(std::int64_t now_ms) {
  if (!keep_alive_ || retiring_) {
    // Once more when the socket has taken what is in the way of it.
    if (!Went(transport_->Finish(), now_ms)) return;
    return Linger(now_ms);
  }
  output_head_.clear();
  output_body_.reset();
  request_ = HeadResult();
  waiting_since_ms_ = now_ms;
  if (input_.empty()) return Enter(State::kIdle, now_ms + limits_.idle_ms);
  Enter(State::kHead, now_ms + limits_.head_ms);
  TakeHead(now_ms);
}

// Nothing more is said. Past the transport, whose words are at an end as well.
void Connection::Linger(std::int64_t now_ms) {
  input_ = std::string();
  output_head_ = std::string();
  output_body_.reset();
  request_ = HeadResult();
  waiting_since_ms_ = now_ms;
  Enter(State::kDraining, now_ms + kDrainMs);
  if (shutdown(socket_.get(), SHUT_WR) != 0) return Close();
  Drain();
}

void Connection::Drain() {
  std::array<char, kMaxHeadBytes> chunk;
  for (int i = 0; i < kMaxDrainReadsPerTurn; ++i) {
    const ssize_t count = recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (count < 0 && WouldBlock(errno)) return;
    if (count <= 0) return Close();
    drained_ += static_cast<std::size_t>(count);
    if (drained_ > kMaxDrain) return Close();
  }
}

}  // namespace pg_hello::http
