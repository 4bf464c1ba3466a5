// What a client is answered.
#include "pg_hello/http/reactor.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

using Observed = std::vector<std::pair<std::string, int>>;

TEST(Reactor, AnswersARequest) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(client, "fine\n"));
  EXPECT_EQ(client.received(),
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 5\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Cache-Control: no-store\r\n"
            "Cross-Origin-Resource-Policy: same-origin\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
            "Connection: keep-alive\r\n"
            "\r\n"
            "fine\n");
  EXPECT_EQ(site.observed, (Observed{{"/ok", 200}}));
}

TEST(Reactor, AnswersAHeadThatComesByteByByte) {
  Site site;
  site.Listen();
  Client client(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  for (char c : std::string("GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
    EXPECT_TRUE(client.received().empty());
    client.Send(std::string(1, c));
    site.Step();
    client.Receive();
  }
  EXPECT_TRUE(site.UntilReceived(client, "fine\n"));
}

TEST(Reactor, AnswersAClientThatHasFinishedSending) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  client.FinishSending();
  ASSERT_TRUE(site.UntilClosed(client));
  EXPECT_EQ(client.body(), "fine\n");
  EXPECT_FALSE(client.reset());
  EXPECT_TRUE(site.UntilConnections(0));
}

TEST(Reactor, ForgetsAClientThatLeavesBeforeItAsks) {
  Site site;
  site.Listen();
  Client silent(site.port());
  Client half(site.port());
  half.Send("GET /ok HT");
  ASSERT_TRUE(site.UntilConnections(2));
  silent.Close();
  half.Close();
  EXPECT_TRUE(site.UntilConnections(0));
  EXPECT_TRUE(site.observed.empty());
}

TEST(Reactor, AnswersTwoRequestsOnOneConnection) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  ASSERT_TRUE(site.UntilReceived(client, "fine\n"));
  client.Get("/none");
  ASSERT_TRUE(site.UntilReceived(client, "Not found\n"));
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(client.Count("Connection: keep-alive"), 2);
  EXPECT_EQ(site.reactor->connections(), 1);
}

TEST(Reactor, ClosesAfterAResponseWhenAskedTo) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send("GET /ok HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(client));
  EXPECT_TRUE(client.Has("Connection: close\r\n"));
  EXPECT_EQ(client.body(), "fine\n");
  client.Close();
  EXPECT_TRUE(site.UntilConnections(0));
}

TEST(Reactor, ClosesAfterAnHttp10Request) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send("GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(client));
  EXPECT_TRUE(client.Has("Connection: close\r\n"));
  EXPECT_EQ(client.body(), "fine\n");
}

TEST(Reactor, AnswersPipelinedRequestsInOrder) {
  Site site({{"/1", [](const Request&) { return TextResponse(200, "one;"); }},
             {"/2", [](const Request&) { return TextResponse(200, "two;"); }}});
  site.Listen();
  Client client(site.port());
  const std::string tail = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.Send("GET /1" + tail + "GET /2" + tail + "GET /none" + tail + "GET /1 HT");
  ASSERT_TRUE(site.UntilReceived(client, "Not found\n"));
  EXPECT_LT(client.received().find("one;"), client.received().find("two;"));
  EXPECT_LT(client.received().find("two;"), client.received().find("Not found"));
  client.Send("TP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(site.Until({&client}, [&] { return client.Count("one;") == 2; }));
}

TEST(Reactor, AnswersHundredsOfPipelinedRequestsAFewAtATime) {
  int asked = 0;
  Site site({{"/n", [&](const Request&) { return TextResponse(200, std::to_string(asked++)); }}});
  site.Listen();
  Client client(site.port());
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += "GET /n HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.Send(requests);
  site.Step();
  EXPECT_LE(asked, 16);
  EXPECT_TRUE(site.Readable(0));
  ASSERT_TRUE(site.Until({&client}, [&] { return client.Count("HTTP/1.1 200") == 1'000; }));
  EXPECT_EQ(asked, 1'000);
}

TEST(Reactor, StopsAtAPipelinedRequestThatItRefuses) {
  Site site;
  site.Listen();
  Client client(site.port());
  const std::string good = "GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.Send(good + "GET /ok HTTP/1.1\r\nHost : x\r\n\r\n" + good);
  ASSERT_TRUE(site.UntilClosed(client));
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(client.Count("HTTP/1.1 200"), 1);
  EXPECT_EQ(client.Count("HTTP/1.1 400"), 1);
  EXPECT_EQ(client.Count("HTTP/1.1 "), 2);
}

TEST(Reactor, AnswersManyClientsAtOnce) {
  Site site;
  site.Listen();
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Client*> all;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(site.port()));
    clients.back()->Get("/ok");
    all.push_back(clients.back().get());
  }
  EXPECT_TRUE(site.Until(all, [&] {
    for (const Client* client : all) {
      if (client->body() != "fine\n") return false;
    }
    return true;
  }));
  EXPECT_EQ(site.reactor->connections(), 100);
}

TEST(Reactor, StaysReadableWhileCompleteRequestsWaitForTheirTurn) {
  Site site;
  site.Listen();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(site.port()));
    clients.back()->Get("/ok");
  }
  site.Step();
  ASSERT_EQ(site.reactor->connections(), 20);
  EXPECT_EQ(site.observed.size(), 16u);
  EXPECT_TRUE(site.Readable(0));
  site.Poll();
  EXPECT_EQ(site.observed.size(), 20u);
}

TEST(Reactor, SendsNoBodyToHeadButItsLength) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send(
      "HEAD /ok HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(site.Until({&client}, [&] { return client.Count("\r\n\r\n") == 2; }));
  EXPECT_TRUE(client.Has("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(client.Has("Content-Length: 5\r\n"));
  EXPECT_TRUE(client.Has("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(client.Has("Content-Length: 10\r\n"));
  EXPECT_FALSE(client.Has("fine"));
  EXPECT_FALSE(client.Has("Not found\n"));
}

TEST(Reactor, AnswersAnUnknownPathWithoutEchoingIt) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Get("/secret?x=y");
  ASSERT_TRUE(site.UntilReceived(client, "Not found\n"));
  EXPECT_EQ(client.status(), 404);
  EXPECT_FALSE(client.Has("secret"));
  EXPECT_EQ(site.observed, (Observed{{"other", 404}}));
}

TEST(Reactor, AnswersAThrowingHandlerWithABare500) {
  Site site({{"/bad", [](const Request&) -> Response { throw std::runtime_error("secret"); }}});
  site.Listen();
  Client client(site.port());
  client.Get("/bad");
  ASSERT_TRUE(site.UntilReceived(client, "Internal server error\n"));
  EXPECT_EQ(client.status(), 500);
  EXPECT_FALSE(client.Has("secret"));
  EXPECT_EQ(site.observed, (Observed{{"/bad", 500}}));
}

TEST(Reactor, SendsTheHeadersOfAResponseUnlessTheyWouldSplitIt) {
  Site site({{"/h", [](const Request&) {
                return Response{401,
                                "a/b",
                                {{"WWW-Authenticate", "Basic"}, {"X-A", "b\r\nX-B: c"}},
                                std::make_shared<const std::string>("no")};
              }}});
  site.Listen();
  Client client(site.port());
  client.Get("/h");
  ASSERT_TRUE(site.UntilReceived(client, "\r\n\r\nno"));
  EXPECT_TRUE(client.Has("HTTP/1.1 401 Unauthorized\r\nContent-Type: a/b\r\n"));
  EXPECT_TRUE(client.Has("WWW-Authenticate: Basic\r\n"));
  EXPECT_FALSE(client.Has("X-B"));
}

TEST(Reactor, SendsAResponseWithoutABody) {
  Site site({{"/empty", SayBody(nullptr)}});
  site.Listen();
  Client client(site.port());
  client.Get("/empty");
  ASSERT_TRUE(site.UntilReceived(client, "\r\n\r\n"));
  EXPECT_TRUE(client.Has("Content-Length: 0\r\n"));
}

struct Refused {
  const char* what;
  std::string bytes;
  int status;
};

class ReactorRefuses : public testing::TestWithParam<Refused> {};

TEST_P(ReactorRefuses, WithAStatusAndClosesWithoutAReset) {
  Site site;
  site.Listen();
  Client client(site.port());
  client.Send(GetParam().bytes);
  ASSERT_TRUE(site.UntilClosed(client));
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(client.status(), GetParam().status);
  EXPECT_EQ(client.Count("HTTP/1.1 "), 1);
  EXPECT_TRUE(client.Has("Connection: close\r\n"));
  EXPECT_TRUE(client.Has("Content-Length: "));
  EXPECT_EQ(client.Has("Allow: GET, HEAD\r\n"), GetParam().status == 405);
  EXPECT_EQ(site.observed, (Observed{{"other", GetParam().status}}));
  client.Close();
  EXPECT_TRUE(site.UntilConnections(0));
}

std::string With(const std::string& lines) {
  return "GET /ok HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Strangers, ReactorRefuses,
    testing::Values(
        Refused{"LongHead", With("X: " + std::string(kMaxHeadBytes + 1 - 34, 'y') + "\r\n"), 431},
        Refused{"EndlessHead", "GET /ok HTTP/1.1\r\nX: " + std::string(100'000, 'y'), 431},
        Refused{"EndlessLine", "GET /" + std::string(100'000, 'y'), 414},
        Refused{"LongPath",
                "GET /" + std::string(256, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414},
        Refused{"Post", "POST /ok HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
                405},
        Refused{"BigPost",
                "POST /ok HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(200'000, 'b'), 405},
        Refused{"Body", With("Content-Length: 3\r\n") + "abc", 413},
        Refused{"Chunks", With("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 501},
        Refused{"Expect", With("Expect: 100-continue\r\n"), 417},
        Refused{"LengthAndChunks",
                With("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc", 400},
        Refused{"TwoLengths", With("Content-Length: 0\r\nContent-Length: 3\r\n") + "abc", 400},
        Refused{"SpaceBeforeColon", With("X : y\r\n"), 400},
        Refused{"BareLineFeed", With("X: y\nZ: z\r\n"), 400},
        Refused{"OnlyBareLineFeeds", "GET /ok HTTP/1.1\nHost: x\n\n", 400},
        Refused{"FoldedLine", With("X: y\r\n z\r\n"), 400},
        Refused{"Nul", With(std::string("X: \0\r\n", 6)), 400},
        Refused{"TwoHosts", With("Host: localhost\r\n"), 400},
        Refused{"NoHost", "GET /ok HTTP/1.1\r\n\r\n", 400},
        Refused{"AbsoluteForm", "GET http://x/ok HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Refused{"Asterisk", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Refused{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505}),
    [](const testing::TestParamInfo<Refused>& refused) { return refused.param.what; });

TEST(Reactor, SendsALongBodyWholeAndWithoutHoldingItsOwner) {
  std::string text;
  for (int i = 0; text.size() < 8'000'000; ++i) text += std::to_string(i) + "\n";
  const auto body = std::make_shared<const std::string>(std::move(text));
  Site site({{"/long", SayBody(body)}});
  site.Listen();
  Client client(site.port());
  client.Get("/long");
  site.Step();
  client.Receive();
  EXPECT_LE(client.received().size(), 256u * 1024);
  EXPECT_EQ(body.use_count(), 3) << "this test's, the handler's and the connection's: no copy";
  ASSERT_TRUE(site.Until({&client}, [&] { return client.body().size() == body->size(); }));
  EXPECT_EQ(client.body(), *body);
  EXPECT_EQ(body.use_count(), 2);
}

TEST(Reactor, SurvivesClientsThatResetAtAnyTime) {
  Site site({{"/long", SayBody(std::make_shared<const std::string>(8'000'000, 'x'))}});
  site.Listen();
  for (const char* sent : {"", "GET /ok HT", "GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n", "BAD\r\n\r\n"}) {
    Client before(site.port());
    before.Send(sent);
    before.Reset();
    Client after(site.port());
    after.Send(sent);
    ASSERT_TRUE(site.Until({}, [&] { return site.reactor->connections() >= 1; }));
    after.Reset();
    ASSERT_TRUE(site.UntilConnections(0)) << sent;
  }
}

TEST(Reactor, ClosesOnlyTheConnectionWhoseObserverThrows) {
  auto router = std::make_unique<Router>();
  router->Handle("/ok", [](const Request&) { return TextResponse(200, "fine\n"); });
  Site site;
  site.reactor =
      std::make_unique<Reactor>(std::move(router), Limits(), [](const std::string&, int status) {
        if (status == 404) throw std::runtime_error("x");
      });
  site.Listen();
  Client bad(site.port());
  Client good(site.port());
  bad.Get("/none");
  good.Get("/ok");
  EXPECT_TRUE(site.Until({&bad, &good}, [&] { return bad.closed() && good.Has("fine"); }));
}

TEST(Reactor, DoesWithoutAnObserver) {
  Site site;
  site.reactor = std::make_unique<Reactor>(std::make_unique<Router>(), Limits(), nullptr);
  site.Listen();
  Client client(site.port());
  client.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(client, "Not found\n"));
}

TEST(Reactor, ClosesEverythingWhenItIsDestroyed) {
  Site site;
  site.Listen();
  const std::uint16_t port = site.port();
  Client client(port);
  ASSERT_TRUE(site.UntilConnections(1));
  site.reactor.reset();
  client.Receive();
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(Client(port).connected());
}

TEST(Reactor, SurvivesNoise) {
  Site site;
  site.Listen();
  std::mt19937 random(20240501);
  const std::string pieces[] = {"GET ",
                                "HEAD ",
                                "/ok",
                                "/",
                                " HTTP/1.1",
                                "\r\n",
                                "\r\n\r\n",
                                "\n",
                                "Host: x",
                                "Host",
                                ":",
                                " ",
                                "%",
                                std::string(1, '\0'),
                                "?a=b",
                                "Content-Length: 5",
                                "\xff",
                                "[::1]",
                                std::string(3'000, 'z')};
  for (int i = 0; i < 500; ++i) {
    Client client(site.port());
    std::string noise = random() % 2 == 0 ? "GET /ok HTTP/1.1\r\n" : "";
    for (auto n = random() % 12; n > 0; --n) noise += pieces[random() % std::size(pieces)];
    client.Send(noise);
    client.FinishSending();
    ASSERT_TRUE(site.UntilClosed(client)) << i;
  }
  EXPECT_TRUE(site.UntilConnections(0));
}

}  // namespace
}  // namespace pg_hello::http
