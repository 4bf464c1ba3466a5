// Responses that take long: nobody waits for them but those who asked.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

using Observed = std::vector<std::pair<std::string, int>>;

// What became of a job, which may be gone.
struct Trace {
  int steps = 0;
  bool gone = false;
};

// Takes `steps` steps of a millisecond each.
class FakeJob : public Job {
 public:
  FakeJob(Site& site, int steps, std::string body, Trace& trace)
      : site_(site), left_(steps), body_(std::move(body)), trace_(trace) {}
  ~FakeJob() override { trace_.gone = true; }

  bool Step() override {
    ++trace_.steps;
    site_.slice_clock_us += 1'000;
    return --left_ == 0;
  }
  Response TakeResponse() override { return TextResponse(200, body_); }

 private:
  Site& site_;
  int left_;
  std::string body_;
  Trace& trace_;
};

class ReactorJobs : public testing::Test {
 protected:
  // Each request of /job gets `next`, or a job of 12 steps of its own.
  std::shared_ptr<Job> Make() {
    if (next != nullptr) return next;
    return std::make_shared<FakeJob>(site, 12, "made", trace);
  }

  // Turns until `count` connections are there and their requests were read.
  void UntilInFlight(int count) {
    ASSERT_TRUE(site.Until({}, [&] { return site.reactor->requests_in_flight() == count; }));
  }

  Trace trace;
  Trace second;  // of another one
  std::shared_ptr<Job> next;
  Site site{{{"/job", [this](const Request&) { return Make(); }}}};
};

TEST_F(ReactorJobs, AreMadeInSlicesBetweenWhichOthersAreAnswered) {
  site.Listen();
  Client client(site.port());
  client.Get("/job");
  site.Step();
  while (trace.steps == 0) site.Step();
  EXPECT_EQ(trace.steps, 5) << "a slice is 5 ms";
  EXPECT_EQ(site.Timeout(), 0) << "there is work, whatever the sockets say";
  Client other(site.port());
  other.Get("/ok");
  site.Poll();
  other.Receive();
  EXPECT_TRUE(other.Has("fine\n"));
  EXPECT_EQ(trace.steps, 10);
  EXPECT_EQ(site.observed, (Observed{{"/ok", 200}}));
  site.Poll();
  client.Receive();
  EXPECT_EQ(client.body(), "made");
  EXPECT_EQ(site.observed, (Observed{{"/ok", 200}, {"/job", 200}}));
  EXPECT_TRUE(trace.gone);
  EXPECT_GT(site.Timeout(), 0);
}

TEST_F(ReactorJobs, AreSharedByThoseWhoAreGivenTheSameOne) {
  site.Listen();
  next = std::make_shared<FakeJob>(site, 12, "made", trace);
  Client one(site.port());
  Client two(site.port());
  one.Get("/job");
  two.Send("HEAD /job HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(site.Until({&one, &two}, [&] { return one.Has("made") && two.Has("\r\n\r\n"); }));
  EXPECT_EQ(trace.steps, 12);
  EXPECT_TRUE(two.Has("Content-Length: 4\r\n"));
  EXPECT_EQ(two.body(), "");
  EXPECT_EQ(site.observed, (Observed{{"/job", 200}, {"/job", 200}}));
}

TEST_F(ReactorJobs, AreDoneOneAfterTheOther) {
  site.Listen();
  std::vector<std::shared_ptr<Job>> jobs = {std::make_shared<FakeJob>(site, 7, "1", trace),
                                            std::make_shared<FakeJob>(site, 7, "2", second)};
  Client one(site.port());
  Client two(site.port());
  next = std::exchange(jobs[0], nullptr);
  one.Get("/job");
  UntilInFlight(1);
  next = std::exchange(jobs[1], nullptr);
  two.Get("/job");
  ASSERT_TRUE(site.Until({&one, &two}, [&] {
    EXPECT_TRUE(second.steps == 0 || trace.steps == 7);
    return one.body() == "1" && two.body() == "2";
  }));
}

TEST_F(ReactorJobs, LeaveTheNextRequestOfAConnectionWaiting) {
  site.Listen();
  Client client(site.port());
  const std::string tail = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.Send("GET /job" + tail + "GET /ok" + tail + "GET /job" + tail);
  ASSERT_TRUE(site.Until({&client}, [&] { return client.Count("made") == 2; }));
  EXPECT_LT(client.received().find("made"), client.received().find("fine\n"));
  EXPECT_EQ(site.observed, (Observed{{"/job", 200}, {"/ok", 200}, {"/job", 200}}));
}

TEST_F(ReactorJobs, AreDroppedWhenNobodyWaitsAnyMore) {
  site.Listen();
  for (const bool reset : {true, false}) {
    trace = Trace();
    Client client(site.port());
    client.Get("/job");
    UntilInFlight(1);
    ASSERT_FALSE(trace.gone);
    reset ? client.Reset() : client.Close();
    site.Step();
    EXPECT_TRUE(trace.gone);
    EXPECT_LT(trace.steps, 12);
    EXPECT_EQ(site.reactor->connections(), 0);
    site.Poll();
    EXPECT_GT(site.Timeout(), 0);
  }
  EXPECT_TRUE(site.observed.empty());
}

TEST_F(ReactorJobs, GoOnForThoseWhoStay) {
  site.Listen();
  next = std::make_shared<FakeJob>(site, 100, "made", trace);
  Client leaves(site.port());
  Client stays(site.port());
  leaves.Get("/job");
  stays.Get("/job");
  UntilInFlight(2);
  next.reset();
  leaves.Close();
  UntilInFlight(1);
  EXPECT_TRUE(site.UntilReceived(stays, "made"));
  EXPECT_EQ(trace.steps, 100);
}

TEST_F(ReactorJobs, HaveNoMoreTimeThanAnyOtherResponse) {
  site.Listen();
  Client client(site.port());
  client.Get("/job");
  UntilInFlight(1);
  site.PollAt(site.now + Limits().response_ms);
  client.Receive();
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.received().empty());
  EXPECT_TRUE(trace.gone);
}

TEST_F(ReactorJobs, AnswerAllWhoWaitWithABare500WhenTheyThrow) {
  struct Fails : Job {
    explicit Fails(bool early) : early(early) {}
    bool Step() override { return early ? throw std::runtime_error("secret") : true; }
    Response TakeResponse() override { throw std::runtime_error("secret"); }
    bool early;
  };
  site.Listen();
  for (const bool early : {true, false}) {
    site.observed.clear();
    next = std::make_shared<Fails>(early);
    Client one(site.port());
    Client two(site.port());
    one.Get("/job");
    two.Get("/job");
    ASSERT_TRUE(site.Until({&one, &two}, [&] {
      return one.Has("Internal server error\n") && two.Has("Internal server error\n");
    }));
    EXPECT_EQ(one.status(), 500);
    EXPECT_FALSE(one.Has("secret"));
    EXPECT_EQ(site.observed, (Observed{{"/job", 500}, {"/job", 500}}));
  }
}

TEST(ReactorJobsLimits, KeepThePlaceOfWhoWaitsForOne) {
  Limits limits;
  limits.max_connections = 1;
  Trace trace;
  std::unique_ptr<Site> site;
  site = std::make_unique<Site>(
      Site::Routes{
          {"/job",
           [&](const Request&) { return std::make_shared<FakeJob>(*site, 50, "made", trace); }}},
      limits);
  site->Listen();
  Client client(site->port());
  client.Get("/job");
  ASSERT_TRUE(site->Until({}, [&] { return site->reactor->requests_in_flight() == 1; }));
  Client late(site->port());
  late.Get("/ok");
  ASSERT_TRUE(site->Until({&client, &late}, [&] { return client.Has("made"); }));
  EXPECT_EQ(late.received(), "");
  EXPECT_TRUE(site->UntilReceived(late, "fine\n")) << "who comes meanwhile waits for the place";
}

TEST(ReactorBudget, WritesAFewMegabytesInOneTurnHoweverManyWaitForThem) {
  Site site({{"/long", SayBody(std::make_shared<const std::string>(1'000'000, 'x'))}});
  site.Listen();
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Client*> all;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(site.port()));
    clients.back()->Get("/long");
    all.push_back(clients.back().get());
  }
  const auto received = [&] {
    std::size_t bytes = 0;
    for (Client* client : all) {
      client->Receive();
      bytes += client->received().size();
    }
    return bytes;
  };
  std::size_t most = 0;
  ASSERT_TRUE(site.Until({}, [&] {
    const std::size_t before = received();
    site.Poll();
    const std::size_t after = received();
    most = std::max(most, after - before);
    return after > 60u * 1'000'000;
  }));
  EXPECT_LE(most, 5u * 1024 * 1024);
}

}  // namespace
}  // namespace pg_hello::http
