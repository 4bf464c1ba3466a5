// Apart from the reactor because who may stay is a question of fairness, and when what is done one
// of turns.
#include "places.h"

#include <algorithm>
#include <tuple>

#include "listener.h"

namespace pg_hello::http {

int Places::being_answered() const {
  return static_cast<int>(std::count_if(places_.begin(), places_.end(), [](const auto& place) {
    return place.second.connection.being_answered();
  }));
}

std::int64_t Places::next_deadline_ms() const {
  std::int64_t next = kNever;
  for (const auto& [id, place] : places_) next = std::min(next, place.connection.deadline_ms());
  return next;
}

int Places::CountOf(const Peer& peer) const {
  return static_cast<int>(std::count_if(places_.begin(), places_.end(), [&peer](const auto& place) {
    return place.second.peer == peer;
  }));
}

bool Places::HasRoom(std::int64_t now_ms) const noexcept {
  return count() < most_ ||
         std::any_of(places_.begin(), places_.end(), [now_ms](const auto& place) {
           return place.second.connection.waiting() || place.second.connection.stalled(now_ms);
         });
}

bool Places::MakeRoom(const Peer& newcomer, std::int64_t now_ms) noexcept {
  if (!IsThisMachine(newcomer) && CountOf(newcomer) >= most_of_peer_)
    return GiveUp(&newcomer, now_ms);
  return count() < most_ || GiveUp(nullptr, now_ms);
}

bool Places::GiveUp(const Peer* only_of, std::int64_t now_ms) noexcept {
  // Whose peer has most; of these, who waits before who is being sent something; the longest.
  using Rank = std::tuple<int, bool, std::int64_t>;
  Iterator last = end();
  Rank last_rank;
  Peer peer;
  int count = 0;
  for (Iterator place = begin(); place != end(); ++place) {
    const Connection& connection = place->second.connection;
    if (only_of != nullptr && place->second.peer != *only_of) continue;
    if (!connection.waiting() && !connection.stalled(now_ms)) continue;
    if (count == 0 || place->second.peer != peer) {
      peer = place->second.peer;
      count = CountOf(peer);
    }
    const bool waiting = connection.waiting();
    const Rank rank(-count, !waiting,
                    waiting ? connection.waiting_since_ms() : connection.progress_at_ms());
    if (last != end() && last_rank <= rank) continue;
    last = place;
    last_rank = rank;
  }
  if (last == end()) return false;
  last->second.connection.Close();
  places_.erase(last);
  return true;
}

bool Places::EndStalledBody(std::int64_t now_ms) noexcept {
  // Of each body, when somebody took something of it last; of these, the earliest.
  const std::string* stalest = nullptr;
  std::int64_t since = now_ms - kStallMs + 1;
  for (const auto& [id, place] : places_) {
    const std::string* body = place.connection.body().get();
    if (body == nullptr || body == stalest) continue;
    std::int64_t last = 0;
    for (const auto& [other_id, other] : places_) {
      if (other.connection.body().get() == body) {
        last = std::max(last, other.connection.progress_at_ms());
      }
    }
    if (last < since) {
      since = last;
      stalest = body;
    }
  }
  if (stalest == nullptr) return false;
  for (Iterator place = begin(); place != end();) {
    Connection& connection = place->second.connection;
    if (connection.body().get() != stalest) {
      ++place;
      continue;
    }
    connection.Close();
    place = places_.erase(place);
  }
  return true;
}

Places::Iterator Places::Add(Connection connection, const Peer& peer) {
  const std::uint64_t id = epoll_.NewId();
  const std::uint32_t wanted = connection.wanted_events();
  const int socket = connection.socket();
  const Iterator place = places_.try_emplace(id, Place{std::move(connection), peer, wanted}).first;
  if (epoll_.Add(socket, id, wanted) == 0) return place;
  places_.erase(place);
  return end();
}

Places::Iterator Places::NextToAnswer() {
  Iterator next = end();
  for (Iterator place = begin(); place != end(); ++place) {
    const Connection& connection = place->second.connection;
    if (connection.state() != Connection::State::kComplete) continue;
    if (next == end() || connection.deadline_ms() < next->second.connection.deadline_ms()) {
      next = place;
    }
  }
  return next;
}

void Places::Follow(Iterator place) noexcept {
  Connection& connection = place->second.connection;
  const std::uint32_t wanted = connection.wanted_events();
  if (connection.state() != Connection::State::kClosed && wanted != place->second.watched_events) {
    if (epoll_.Change(connection.socket(), place->first, wanted) != 0) connection.Close();
    place->second.watched_events = wanted;
  }
  if (connection.state() == Connection::State::kClosed) places_.erase(place);
}

}  // namespace pg_hello::http
