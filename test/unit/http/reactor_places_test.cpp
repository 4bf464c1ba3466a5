// Who gets a place, and who gives one up.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

Limits Places(int count) {
  Limits limits;
  limits.max_connections = count;
  return limits;
}

TEST(ReactorPlaces, TheLongestWaitingGivesItsPlaceToANewcomer) {
  Site site({}, Places(3));
  site.Listen();
  Client half(site.port());
  half.Send("GET /ok");
  ASSERT_TRUE(site.UntilConnections(1));
  ++site.now;
  Client idle(site.port());
  idle.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(idle, "fine\n"));
  ++site.now;
  Client silent(site.port());
  ASSERT_TRUE(site.UntilConnections(3));

  std::vector<std::unique_ptr<Client>> newcomers;
  for (Client* oldest : {&half, &idle, &silent}) {
    ++site.now;
    newcomers.push_back(std::make_unique<Client>(site.port()));
    Client& newcomer = *newcomers.back();
    newcomer.Get("/ok");
    ASSERT_TRUE(site.UntilReceived(newcomer, "fine\n"));
    EXPECT_EQ(site.reactor->connections(), 3);
    oldest->Receive();
    EXPECT_TRUE(oldest->closed());
  }
}

TEST(ReactorPlaces, ARequestMovesAConnectionToTheEndOfTheQueue) {
  Site site({}, Places(2));
  site.Listen();
  Client first(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  ++site.now;
  Client second(site.port());
  ASSERT_TRUE(site.UntilConnections(2));
  ++site.now;
  first.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(first, "fine\n"));
  ++site.now;
  Client third(site.port());
  ASSERT_TRUE(site.UntilClosed(second));
  first.Receive();
  EXPECT_FALSE(first.closed());
}

TEST(ReactorPlaces, WhoIsBeingServedKeepsItsPlace) {
  Site site(WithHugeBody(), Places(2));
  site.Listen();
  Client served(site.port(), 4'096);
  served.Get("/huge");
  ASSERT_TRUE(site.Until({}, [&] { return !site.observed.empty(); }));
  ++site.now;
  for (int i = 0; i < 20; ++i) {
    Client half(site.port());
    half.Send("GET /");
    ++site.now;
    Client next(site.port());
    next.Get("/ok");
    ASSERT_TRUE(site.UntilReceived(next, "fine\n"));
  }
  ASSERT_TRUE(
      site.Until({&served}, [&] { return served.received().size() > kMoreThanTheSocketsTake; }));
  EXPECT_EQ(served.body().size(), kMoreThanTheSocketsTake);
}

TEST(ReactorPlaces, WhenAllAreBeingServedWhoTakesNothingForLongestIsClosed) {
  Site site(WithHugeBody(), Places(2));
  site.Listen();
  Client a(site.port(), 4'096);
  Client b(site.port(), 4'096);
  a.Get("/huge");
  ASSERT_TRUE(site.Until({}, [&] { return site.observed.size() == 1; }));
  while (site.Readable(50)) site.Poll();
  ++site.now;
  b.Get("/huge");
  ASSERT_TRUE(site.Until({}, [&] { return site.observed.size() == 2; }));
  while (site.Readable(50)) site.Poll();
  site.now += 100;
  Client newcomer(site.port());
  newcomer.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(newcomer, "fine\n"));
  EXPECT_EQ(site.reactor->connections(), 2);
  EXPECT_TRUE(site.UntilClosed(a));
  EXPECT_LT(a.received().size(), kMoreThanTheSocketsTake);
}

TEST(ReactorPlaces, WhoWaitsForUsKeepsItsPlaceAndTheNewcomerWaits) {
  struct Endless : Job {
    bool Step() override { return false; }
    Response TakeResponse() override { return {}; }
  };
  Site site({{"/job", [](const Request&) { return std::make_shared<Endless>(); }}}, Places(2));
  site.Listen();
  Client a(site.port());
  Client b(site.port());
  a.Get("/job");
  b.Get("/job");
  site.slice_clock_step_us = 10'000;
  ASSERT_TRUE(site.Until({}, [&] { return site.reactor->requests_in_flight() == 2; }));
  Client newcomer(site.port());
  newcomer.Get("/ok");
  ASSERT_TRUE(site.Until({}, [&] { return site.Timeout() == 0; }));
  site.Poll();
  EXPECT_EQ(site.reactor->connections(), 2);
  newcomer.Receive();
  EXPECT_FALSE(newcomer.closed());
  a.Close();
  ASSERT_TRUE(site.UntilConnections(1));
  site.now += 10;
  EXPECT_TRUE(site.UntilReceived(newcomer, "fine\n"));
}

TEST(ReactorPlaces, WhoHasMostOfThemGivesUpOneForAnother) {
  Site site({}, Places(4));
  site.Listen();
  Client good(site.port(), 0, INADDR_LOOPBACK, INADDR_LOOPBACK + 1);
  ASSERT_TRUE(site.UntilConnections(1));
  std::vector<std::unique_ptr<Client>> greedy;
  for (int i = 0; i < 20; ++i) {
    ++site.now;
    greedy.push_back(std::make_unique<Client>(site.port()));
    greedy.back()->Send("GET /");
    ASSERT_TRUE(site.UntilConnections(std::min(i + 2, 4)));
  }
  Client another(site.port(), 0, INADDR_LOOPBACK, INADDR_LOOPBACK + 2);
  another.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(another, "fine\n"));
  good.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(good, "fine\n"))
      << "it has been waiting longest, but has only one";
}

// A job whose body may be one of two at a time.
struct BigJob : Job {
  using Bodies = std::vector<std::weak_ptr<const std::string>>;
  explicit BigJob(Bodies& of) : bodies(of) {}
  bool WantsRoom() const override {
    return std::count_if(bodies.begin(), bodies.end(),
                         [](const auto& body) { return !body.expired(); }) >= 2;
  }
  bool Step() override { return true; }
  Response TakeResponse() override {
    Response response;
    response.body = std::make_shared<const std::string>(kMoreThanTheSocketsTake, 'x');
    bodies.push_back(response.body);
    return response;
  }
  Bodies& bodies;
};

TEST(ReactorPlaces, ABodyThatNobodyTakesMakesRoomForAnother) {
  BigJob::Bodies bodies;
  Site site({{"/big", [&](const Request&) { return std::make_shared<BigJob>(bodies); }}});
  site.Listen();
  Client a(site.port(), 4'096);
  Client b(site.port(), 4'096);
  for (Client* client : {&a, &b}) {
    ++site.now;
    client->Get("/big");
    ASSERT_TRUE(site.Until({}, [&] { return site.Timeout() > 10; }));
    while (site.Readable(50)) site.Poll();
  }
  ASSERT_EQ(site.observed.size(), 2u);

  Client c(site.port(), 4'096);
  c.Get("/big");
  ASSERT_TRUE(site.Until({}, [&] { return site.reactor->requests_in_flight() == 3; }));
  site.Poll();
  EXPECT_EQ(site.observed.size(), 2u) << "the third waits";
  EXPECT_EQ(site.Timeout(), 10) << "... without its owner spinning";
  site.now += 100;
  site.Poll();
  EXPECT_EQ(site.observed.size(), 3u);
  EXPECT_TRUE(site.UntilClosed(a)) << "it has been taking nothing for longest";
  b.Receive(1);
  EXPECT_FALSE(b.closed());
  EXPECT_EQ(site.reactor->connections(), 2);
}

TEST(ReactorPlaces, ABodyThatSomebodyTakesIsWaitedFor) {
  BigJob::Bodies bodies;
  Site site({{"/big", [&](const Request&) { return std::make_shared<BigJob>(bodies); }}});
  site.Listen();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(site.port()));
    clients.back()->Get("/big");
  }
  ASSERT_TRUE(site.Until({clients[0].get(), clients[1].get(), clients[2].get()}, [&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto& client) {
      return client->received().size() > kMoreThanTheSocketsTake;
    });
  }));
}

TEST(ReactorPlaces, AFloodOfHalfHeadsDoesNotKeepAnHonestClientOut) {
  Site site({}, Places(8));
  site.Listen();
  std::vector<std::unique_ptr<Client>> flood;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 10; ++i) {
      flood.push_back(std::make_unique<Client>(site.port()));
      flood.back()->Send("GET /ok HTTP/1.1\r\nX: ");
    }
    Client honest(site.port());
    honest.Get("/ok");
    ASSERT_TRUE(site.UntilReceived(honest, "fine\n")) << round;
    ASSERT_LE(site.reactor->connections(), 8);
    ++site.now;
  }
}

}  // namespace
}  // namespace pg_hello::http
