// Deadlines, and what is left when there is nothing left.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

TEST(ReactorDeadlines, ThereAreNoneWithoutConnections) {
  Site site;
  site.Listen();
  EXPECT_EQ(site.reactor->TimeoutMs(site.now, 7), 7);
  EXPECT_EQ(site.reactor->TimeoutMs(site.now, 0), 0);
}

TEST(ReactorDeadlines, BytesThatDripInDoNotMoveTheHeadsDeadline) {
  Site site;
  site.Listen();
  const std::int64_t start = site.now;
  Client client(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  for (int ms = 0; ms < 5'000; ms += 500) {
    site.PollAt(start + ms);
    EXPECT_EQ(site.Timeout(), 5'000 - ms);
    client.Send("x");
    site.Step();
  }
  site.PollAt(start + 4'999);
  EXPECT_EQ(site.reactor->connections(), 1);
  EXPECT_EQ(site.Timeout(), 1);
  client.Send("x");
  ASSERT_TRUE(site.Readable());
  site.PollAt(start + 5'000);
  EXPECT_EQ(site.reactor->connections(), 0);
  EXPECT_TRUE(site.observed.empty());
}

TEST(ReactorDeadlines, ASilentClientHasTheSameDeadline) {
  Site site;
  site.Listen();
  Client client(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  site.PollAt(site.now + 4'999);
  EXPECT_EQ(site.reactor->connections(), 1);
  site.PollAt(site.now + 1);
  EXPECT_EQ(site.reactor->connections(), 0);
  EXPECT_TRUE(site.UntilClosed(client));
}

TEST(ReactorDeadlines, AnIdleConnectionIsClosedInItsTime) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(client, "fine\n"));
  EXPECT_EQ(site.Timeout(), 75'000);
  site.PollAt(site.now + 74'999);
  EXPECT_EQ(site.reactor->connections(), 1);
  site.PollAt(site.now + 1);
  EXPECT_EQ(site.reactor->connections(), 0);
  EXPECT_TRUE(site.UntilClosed(client));
}

TEST(ReactorDeadlines, TheFirstByteOfAnotherRequestStartsAHeadsDeadline) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(client, "fine\n"));
  site.now += 74'000;
  client.Send("G");
  site.Step();
  EXPECT_EQ(site.Timeout(), 5'000);
  site.now += 3'000;
  client.Send("E");
  site.Step();
  EXPECT_EQ(site.Timeout(), 2'000);
  site.PollAt(site.now + 2'000);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST(ReactorDeadlines, HalfAPipelinedRequestHasAHeadsDeadlineFromTheResponseOn) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send("GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ok");
  ASSERT_TRUE(site.UntilReceived(client, "fine\n"));
  EXPECT_EQ(site.Timeout(), 5'000);
}

TEST(ReactorDeadlines, AReaderWhoDoesNotReadIsClosed) {
  Site site(WithHugeBody());
  site.Listen();
  Client client(site.port(), 4'096);
  client.Get("/huge");
  ASSERT_TRUE(site.Until({}, [&] { return !site.observed.empty(); }));
  while (site.Readable(50)) site.Poll();
  EXPECT_EQ(site.Timeout(), 30'000);
  site.PollAt(site.now + 29'999);
  EXPECT_EQ(site.reactor->connections(), 1);
  site.PollAt(site.now + 1);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST(ReactorDeadlines, AReaderWhoReadsALittleIsClosedAtTheSameTime) {
  Site site(WithHugeBody());
  site.Listen();
  const std::int64_t start = site.now;
  Client client(site.port(), 4'096);
  client.Get("/huge");
  for (int ms = 0; ms < 30'000; ms += 1'000) {
    site.PollAt(start + ms);
    client.Receive(10'000);
  }
  EXPECT_GT(client.received().size(), 50'000u);
  EXPECT_EQ(site.reactor->connections(), 1);
  site.PollAt(start + 30'000);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST(ReactorDeadlines, AClientThatKeepsSendingAfterItsRefusalIsClosedSoon) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send("BAD\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(client));  // our half of it
  EXPECT_EQ(client.status(), 400);
  EXPECT_EQ(site.reactor->connections(), 1);
  EXPECT_EQ(site.Timeout(), 500);
  client.Send("more");
  site.Step();
  EXPECT_EQ(site.Timeout(), 500);
  site.PollAt(site.now + 500);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST(ReactorDeadlines, AFloodAfterARefusalIsCutOff) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send("BAD\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(client));
  const std::string flood(8'192, 'x');
  for (int i = 0; i < 1'000 && site.reactor->connections() > 0; ++i) {
    client.Send(flood);
    site.Step();
  }
  EXPECT_EQ(site.reactor->connections(), 0);
}

// Leaves this process exactly as many descriptors as it has now.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_ = {};
};

TEST(ReactorExhaustion, WithoutDescriptorsItPausesToAcceptAndThenGoesOn) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  {
    const NoMoreDescriptors none;
    site.Step();
    EXPECT_EQ(site.reactor->connections(), 0);
    EXPECT_EQ(site.Timeout(), 100);
    EXPECT_FALSE(site.Readable(0)) << "its owner would spin";
    site.now += 99;
    site.Poll();
    EXPECT_EQ(site.Timeout(), 1);
    ++site.now;
    site.Poll();
    EXPECT_EQ(site.Timeout(), 100) << "still none: another pause";
  }
  site.now += 100;
  EXPECT_TRUE(site.UntilReceived(client, "fine\n"));
}

TEST(ReactorExhaustion, WithoutDescriptorsSomebodyWhoWaitsGivesUpItsOwn) {
  Site site;
  site.Listen();
  Client idle(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  Client client(site.port());
  client.Get("/ok");
  const NoMoreDescriptors none;
  EXPECT_TRUE(site.UntilReceived(client, "fine\n"));
  EXPECT_EQ(site.reactor->connections(), 1);
  idle.Receive();
  EXPECT_TRUE(idle.closed());
}

TEST(ReactorExhaustion, AListenerThatOpensDuringThePauseWaitsForItsEnd) {
  Site site;
  site.Listen();
  Client waiting(site.port());
  {
    const NoMoreDescriptors none;
    site.Step();
  }
  site.reactor->Listen({{"127.0.0.2", 0}, {"127.0.0.1", 0}}, site.now);
  EXPECT_EQ(site.reactor->listeners().at(0).error, "");
  Client other(site.port(), 0, INADDR_LOOPBACK + 1);
  ASSERT_TRUE(other.connected());
  EXPECT_FALSE(site.Readable(0));
  site.now += 100;
  waiting.Get("/ok");
  other.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(waiting, "fine\n"));
  EXPECT_TRUE(site.UntilReceived(other, "fine\n"));
}

}  // namespace
}  // namespace pg_hello::http
