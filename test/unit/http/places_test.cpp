// What each peer may have, with peers that this machine is not: over socketpairs.
#include "http/places.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

namespace pg_hello::http {
namespace {

constexpr int kMost = 6;
constexpr int kMostOfPeer = 3;

Peer Ip(const char* text) {
  sockaddr_storage address = {};
  address.ss_family = AF_INET;
  inet_pton(AF_INET, text, &reinterpret_cast<sockaddr_in*>(&address)->sin_addr);
  return PeerOf(address);
}

Peer Ip6(const char* text) {
  sockaddr_storage address = {};
  address.ss_family = AF_INET6;
  inet_pton(AF_INET6, text, &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr);
  return PeerOf(address);
}

class PlacesTest : public testing::Test {
 protected:
  // Whether the newcomer got a place.
  bool Come(const Peer& peer) {
    if (!places.HasRoom(now) || !places.MakeRoom(peer, now)) return false;
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    theirs.emplace_back(ends[1]);
    last = places.Add(Connection(Descriptor(ends[0]), std::make_unique<PlainTransport>(ends[0]), 0,
                                 Limits(), ++now),
                      peer);
    return true;
  }
  // The last one's request is there: it is being answered from now on.
  void Ask() {
    const std::string request = "GET / HTTP/1.0\r\n\r\n";
    ASSERT_EQ(send(theirs.back().get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    std::size_t budget = 1'000'000;
    places.Drive(last, [&](Connection& c) { c.OnEvents(EPOLLIN, now, budget); });
    ASSERT_TRUE(last->second.connection.being_answered());
  }
  int CountOf(const Peer& peer) {
    int count = 0;
    for (const auto& [id, place] : places) count += place.peer == peer ? 1 : 0;
    return count;
  }

  EpollSet epoll;
  Places places{epoll, kMost, kMostOfPeer};
  Places::Iterator last;
  std::vector<Descriptor> theirs;
  std::int64_t now = 0;
};

TEST_F(PlacesTest, WhoHasAllThatIsItsOwnGivesUpOneOfThem) {
  const Peer good = Ip("192.0.2.1");
  const Peer greedy = Ip("192.0.2.2");
  ASSERT_TRUE(Come(good));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Come(greedy));
  EXPECT_EQ(CountOf(greedy), kMostOfPeer);
  EXPECT_EQ(CountOf(good), 1);
}

TEST_F(PlacesTest, WhoHasAllThatIsItsOwnAndIsBeingAnsweredGetsNoMore) {
  const Peer greedy = Ip("192.0.2.2");
  for (int i = 0; i < kMostOfPeer; ++i) {
    ASSERT_TRUE(Come(greedy));
    Ask();
  }
  EXPECT_FALSE(Come(greedy));
  EXPECT_TRUE(Come(Ip("192.0.2.1")));
}

TEST_F(PlacesTest, WhenAllAreTakenWhoHasMostGivesUpOne) {
  const Peer greedy = Ip("192.0.2.2");
  ASSERT_TRUE(Come(Ip("192.0.2.1")));
  for (int i = 0; i < kMostOfPeer; ++i) ASSERT_TRUE(Come(greedy));
  ASSERT_TRUE(Come(Ip("192.0.2.3")));
  ASSERT_TRUE(Come(Ip("192.0.2.4")));
  ASSERT_TRUE(Come(Ip("192.0.2.5")));
  EXPECT_EQ(CountOf(greedy), kMostOfPeer - 1);
  EXPECT_EQ(CountOf(Ip("192.0.2.1")), 1) << "it has been waiting longest";
}

TEST_F(PlacesTest, IfWhoHasMostIsBeingAnsweredAnotherGivesUpOne) {
  const Peer greedy = Ip("192.0.2.2");
  for (int i = 0; i < kMostOfPeer; ++i) {
    ASSERT_TRUE(Come(greedy));
    Ask();
  }
  for (const char* other : {"192.0.2.3", "192.0.2.4", "192.0.2.5"}) ASSERT_TRUE(Come(Ip(other)));
  ASSERT_TRUE(Come(Ip("192.0.2.6")));
  EXPECT_EQ(CountOf(Ip("192.0.2.3")), 0);
  EXPECT_EQ(CountOf(greedy), kMostOfPeer);
}

TEST_F(PlacesTest, UsersOfThisMachineShareAllPlaces) {
  for (const Peer& here : {Ip("127.0.0.1"), Peer{AF_UNIX, 0}, Ip6("::1")}) {
    EXPECT_TRUE(IsThisMachine(here));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Come(here));
    EXPECT_GT(CountOf(here), kMostOfPeer - 1);
  }
  EXPECT_FALSE(IsThisMachine(Peer()));
  EXPECT_FALSE(IsThisMachine(Ip("128.0.0.1")));
  EXPECT_FALSE(IsThisMachine(Ip6("fe80::1")));
}

TEST_F(PlacesTest, ANetworkOfIpv6IsOnePeer) {
  EXPECT_EQ(Ip6("2001:db8::1"), Ip6("2001:db8::ffff:1:2:3"));
  EXPECT_NE(Ip6("2001:db8::1"), Ip6("2001:db8:0:1::1"));
  EXPECT_NE(Ip("192.0.2.1"), Ip("192.0.2.2"));
}

}  // namespace
}  // namespace pg_hello::http
