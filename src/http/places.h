// The connections: who is here, in the order of arrival, and who has to go for somebody new. Sees
// to it that the epoll set waits for what each of them waits for.
#ifndef PG_HELLO_HTTP_PLACES_H
#define PG_HELLO_HTTP_PLACES_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "connection.h"
#include "epoll_set.h"
#include "peer.h"
#include "pg_hello/http/message.h"

namespace pg_hello::http {

struct Place {
  Connection connection;
  Peer peer;
  std::uint32_t watched_events;
  std::shared_ptr<Job> job = nullptr;  // that it awaits
  const std::string* route = nullptr;  // of the request for which it does
};

class Places {
 public:
  using Map = std::map<std::uint64_t, Place>;  // by the ids of the epoll set
  using Iterator = Map::iterator;

  // `epoll` must outlive this object. `most`: connections at a time, at least one; `most_of_peer`
  // the same of each peer but those on this machine.
  Places(EpollSet& epoll, int most, int most_of_peer)
      : epoll_(epoll),
        most_(most > 1 ? most : 1),
        most_of_peer_(most_of_peer > 1 ? most_of_peer : 1) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  int count() const { return static_cast<int>(places_.size()); }
  int being_answered() const;
  std::int64_t next_deadline_ms() const;  // kNever if nobody is here

  Iterator Find(std::uint64_t id) { return places_.find(id); }
  Iterator begin() { return places_.begin(); }
  Iterator end() { return places_.end(); }

  // Whether there is room for one more, or somebody has a connection to give up.
  bool HasRoom(std::int64_t now_ms) const noexcept;

  // Makes sure that there is room for one more of this peer. Who has all that is its own gives up
  // one of them; if all places are taken, who has most of them does. False if there is none to give
  // up.
  bool MakeRoom(const Peer& newcomer, std::int64_t now_ms) noexcept;

  // Closes a connection of who has most of them: the one that has been waiting longest for nothing
  // of ours, or that has been taking nothing of its response for longest. False if all are being
  // answered, and take what they are sent.
  bool GiveUpOne(std::int64_t now_ms) noexcept { return GiveUp(nullptr, now_ms); }

  // Ends the response of which no client has been taking anything for longest, so that its body can
  // go. False if all are being taken.
  bool EndStalledBody(std::int64_t now_ms) noexcept;

  // end() if the epoll set does not take it. Throws std::bad_alloc. REQUIRES: there is room.
  Iterator Add(Connection connection, const Peer& peer);

  // The complete request that has been waiting longest; end() if there is none.
  Iterator NextToAnswer();

  // Does `action` to a connection, and what follows from it. Removes it if that was the end; if
  // `action` throws, it is.
  template <typename Action>
  void Drive(Iterator place, Action&& action) noexcept {
    try {
      action(place->second.connection);
    } catch (...) {
      place->second.connection.Close();
    }
    Follow(place);
  }

  template <typename Action>
  void DriveAll(Action&& action) noexcept {
    for (Iterator place = places_.begin(); place != places_.end();) Drive(place++, action);
  }

 private:
  int CountOf(const Peer& peer) const;
  bool GiveUp(const Peer* only_of, std::int64_t now_ms) noexcept;
  void Follow(Iterator place) noexcept;

  EpollSet& epoll_;
  int most_;
  int most_of_peer_;
  Map places_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_PLACES_H
