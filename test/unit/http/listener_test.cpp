// Addresses: opened, refused, tried again, changed.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

std::string PortText(std::uint16_t port) { return std::to_string(port); }

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool ok =
      fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  if (fd >= 0) close(fd);
  return ok;
}

TEST(Listening, SaysWhatIsBound) {
  Site site;
  site.Listen();
  const auto states = site.reactor->listeners();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].wanted, (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(states[0].bound, "127.0.0.1:" + PortText(states[0].port));
  EXPECT_EQ(states[0].error, "");
  EXPECT_EQ(site.reactor->bind_failures(), 0u);
}

TEST(Listening, ChosenPortIsTheSameOnBothFamilies) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 here";
  for (const auto& [host, v4, v6] : std::vector<std::array<std::string, 3>>{
           {"localhost", "127.0.0.1", "[::1]"}, {"*", "0.0.0.0", "[::]"}}) {
    Site site;
    site.reactor->Listen({{host, 0}}, site.now);
    const ListenerState state = site.reactor->listeners().at(0);
    const std::string port = PortText(state.port);
    EXPECT_EQ(state.bound, v4 + ":" + port + ", " + v6 + ":" + port) << state.error;
    EXPECT_EQ(state.error, "");
  }
}

TEST(Listening, ChosenPortIsTheSameOnSeveralAddresses) {
  Site site;
  site.reactor->Listen({{"127.0.0.1", 0}, {"127.0.0.2", 0}}, site.now);
  const auto states = site.reactor->listeners();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_NE(states[0].port, 0);
  EXPECT_EQ(states[0].port, states[1].port) << states[1].error;
  EXPECT_EQ(states[1].bound, "127.0.0.2:" + PortText(states[0].port));
}

TEST(Listening, LocalhostNeedsNoIpv6AndNoResolver) {
  Site site;
  site.reactor->Listen({{"localhost", 0}}, site.now);
  const ListenerState state = site.reactor->listeners().at(0);
  EXPECT_EQ(state.bound.rfind("127.0.0.1:", 0), 0u);
  EXPECT_EQ(state.error, "");
  Client client(state.port);
  client.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(client, "fine\n"));
}

TEST(Listening, APortThatAnotherServerHasIsAnError) {
  Site first;
  first.Listen();
  Site second;
  second.reactor->Listen({{"127.0.0.1", first.port()}}, second.now);
  const ListenerState state = second.reactor->listeners().at(0);
  EXPECT_EQ(state.bound, "");
  EXPECT_EQ(state.port, 0);
  EXPECT_EQ(state.error,
            "could not bind 127.0.0.1:" + PortText(first.port()) + ": Address already in use");
  EXPECT_EQ(second.reactor->bind_failures(), 1u);
}

TEST(Listening, ABusyPortIsTriedAgainAndTakenOnceItIsFree) {
  Site first;
  first.Listen();
  const std::uint16_t port = first.port();
  Site second;
  second.reactor->Listen({{"127.0.0.1", port}}, second.now);
  std::uint64_t failures = 1;
  for (const std::int64_t pause : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    EXPECT_EQ(second.Timeout(), pause);
    second.PollAt(second.now + pause - 1);
    EXPECT_EQ(second.reactor->bind_failures(), failures);
    second.PollAt(second.now + 1);
    EXPECT_EQ(second.reactor->bind_failures(), ++failures);
  }
  first.reactor.reset();
  second.PollAt(second.now + 60'000);
  EXPECT_EQ(second.reactor->listeners().at(0).bound, "127.0.0.1:" + PortText(port));
  EXPECT_EQ(second.reactor->listeners().at(0).error, "");
  EXPECT_EQ(second.reactor->bind_failures(), failures);
  EXPECT_EQ(second.Timeout(), 1'000'000) << "nothing left to try";
  Client client(port);
  client.Get("/ok");
  EXPECT_TRUE(second.UntilReceived(client, "fine\n"));
}

TEST(Listening, AskingAgainTriesAtOnceAndStartsTheBackOffAnew) {
  Site first;
  first.Listen();
  Site second;
  const std::vector<ListenAddress> wanted = {{"127.0.0.1", first.port()}};
  second.reactor->Listen(wanted, second.now);
  second.PollAt(second.now + 1'000);
  second.PollAt(second.now + 2'000);
  EXPECT_EQ(second.Timeout(), 4'000);
  second.reactor->Listen(wanted, second.now);
  EXPECT_EQ(second.reactor->bind_failures(), 4u);
  EXPECT_EQ(second.Timeout(), 1'000);
}

TEST(Listening, OneBusyAddressDoesNotKeepTheOthersClosed) {
  Site first;
  first.Listen();
  Site second;
  second.reactor->Listen({{"127.0.0.1", first.port()}, {"127.0.0.2", first.port()}}, second.now);
  const auto states = second.reactor->listeners();
  EXPECT_NE(states.at(0).error, "");
  EXPECT_EQ(states.at(1).bound, "127.0.0.2:" + PortText(first.port()));
}

TEST(Listening, TheFreeHalfOfLocalhostIsServedAndTheBusyOneReported) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 here";
  Site first;
  first.Listen();
  const std::string port = PortText(first.port());
  Site second;
  second.reactor->Listen({{"localhost", first.port()}}, second.now);
  const ListenerState state = second.reactor->listeners().at(0);
  EXPECT_EQ(state.bound, "[::1]:" + port);
  EXPECT_EQ(state.error, "could not bind 127.0.0.1:" + port + ": Address already in use");
  first.reactor.reset();
  second.PollAt(second.now + 1'000);
  EXPECT_EQ(second.reactor->listeners().at(0).bound, "127.0.0.1:" + port + ", [::1]:" + port);
  EXPECT_EQ(second.reactor->listeners().at(0).error, "");
}

TEST(Listening, ANameIsNotLookedUp) {
  Site site;
  for (const char* host : {"example.org", "", "127.1", "127.0.0.1.1", "::1::", "[::1]", "1"}) {
    site.reactor->Listen({{host, 0}}, site.now);
    const ListenerState state = site.reactor->listeners().at(0);
    EXPECT_EQ(state.bound, "") << host;
    EXPECT_EQ(state.error, "could not listen on \"" + std::string(host) +
                               "\": neither an IP address, \"localhost\" nor \"*\"");
    EXPECT_EQ(site.Timeout(), 1'000'000) << "it will not become one";
  }
}

TEST(Listening, AnAddressOfAnotherMachineIsAnErrorThatIsTriedAgain) {
  Site site;
  site.reactor->Listen({{"192.0.2.1", 9'797}}, site.now);
  EXPECT_EQ(site.reactor->listeners().at(0).error,
            "could not bind 192.0.2.1:9797: Cannot assign requested address");
  EXPECT_EQ(site.Timeout(), 1'000);
}

TEST(Listening, TheSameAddressTwiceIsOneListener) {
  Site site;
  site.reactor->Listen({{"127.0.0.1", 0}, {"127.0.0.1", 0}}, site.now);
  EXPECT_EQ(site.reactor->listeners().size(), 1u);
}

TEST(Listening, StatesComeInTheOrderAskedFor) {
  Site site;
  site.reactor->Listen({{"127.0.0.1", 0}, {"127.0.0.2", 0}}, site.now);
  site.reactor->Listen({{"127.0.0.3", 0}, {"127.0.0.2", 0}, {"127.0.0.1", 0}}, site.now);
  const auto states = site.reactor->listeners();
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[0].wanted.host, "127.0.0.3");
  EXPECT_EQ(states[1].wanted.host, "127.0.0.2");
  EXPECT_EQ(states[2].wanted.host, "127.0.0.1");
  EXPECT_EQ(states[0].port, states[2].port);
}

TEST(ListeningAgain, KeepsWhatIsUnchanged) {
  Site site;
  site.Listen();
  const std::uint16_t port = site.port();
  Client connected(port);
  connected.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(connected, "fine\n"));
  Client queued(port);  // accepted by nobody yet: a closed listener would reset it

  site.reactor->Listen({{"127.0.0.1", 0}, {"127.0.0.2", 0}}, site.now);
  EXPECT_EQ(site.port(), port);
  queued.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(queued, "fine\n"));
  connected.Get("/ok");
  EXPECT_TRUE(site.Until({&connected}, [&] { return connected.Count("fine\n") == 2; }));
}

TEST(ListeningAgain, ClosesWhatIsNotWantedAnyMore) {
  Site site(Site::Routes{{"/huge", SayBody(std::make_shared<const std::string>(20'000'000, 'x'))}});
  site.reactor->Listen({{"127.0.0.1", 0}, {"127.0.0.2", 0}}, site.now);
  const std::uint16_t port = site.port();
  Client idle(port);
  idle.Get("/ok");
  Client silent(port);
  Client half(port);
  half.Send("GET /ok HT");
  Client served(port, 4'096);
  served.Get("/huge");
  ASSERT_TRUE(site.Until({&idle}, [&] { return idle.Has("fine") && site.observed.size() == 2; }));
  ASSERT_EQ(site.reactor->connections(), 4);

  site.reactor->Listen({{"127.0.0.2", 0}}, site.now);
  EXPECT_EQ(site.port(), port) << "of the one that stayed";
  EXPECT_FALSE(Client(port).connected());
  idle.Receive();
  silent.Receive();
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(silent.closed());

  half.Send("TP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(half));
  EXPECT_EQ(half.body(), "fine\n");
  EXPECT_TRUE(half.Has("Connection: close\r\n"));
  ASSERT_TRUE(site.UntilClosed(served));
  EXPECT_EQ(served.body().size(), 20'000'000u);
}

TEST(ListeningAgain, ClosesBeforeItOpens) {
  Site site;
  site.Listen();
  const std::uint16_t port = site.port();
  Client client(port);
  ASSERT_TRUE(site.UntilConnections(1));
  site.reactor->Listen({{"*", port}}, site.now);
  EXPECT_EQ(site.reactor->listeners().at(0).error, "");
  EXPECT_EQ(site.port(), port);
}

TEST(ListeningAgain, MayEndInListeningNowhere) {
  Site site;
  site.Listen();
  const std::uint16_t port = site.port();
  site.reactor->Listen({}, site.now);
  EXPECT_TRUE(site.reactor->listeners().empty());
  EXPECT_FALSE(Client(port).connected());
  site.Poll();
}

}  // namespace
}  // namespace pg_hello::http
