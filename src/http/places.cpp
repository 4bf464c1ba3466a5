// Apart from the reactor because who may stay is a question of fairness, and when what is done one
// of turns.
#include "places.h"

#include <algorithm>

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

bool Places::MakeRoom() noexcept {
  if (count() < most_) return true;
  Iterator oldest = end();
  for (Iterator place = begin(); place != end(); ++place) {
    const Connection& connection = place->second.connection;
    if (!connection.waiting()) continue;
    if (oldest == end() ||
        connection.waiting_since_ms() < oldest->second.connection.waiting_since_ms()) {
      oldest = place;
    }
  }
  if (oldest == end()) return false;
  places_.erase(oldest);
  return true;
}

Places::Iterator Places::Add(Connection connection, bool local) {
  const std::uint64_t id = epoll_.NewId();
  const std::uint32_t wanted = connection.wanted_events();
  const int socket = connection.socket();
  const Iterator place = places_.try_emplace(id, Place{std::move(connection), local, wanted}).first;
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
