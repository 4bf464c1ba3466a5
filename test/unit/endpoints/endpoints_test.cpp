// The answer of each path, without a router.
#include "pg_hello/endpoints/endpoints.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../exposition/sample_snapshots.h"

namespace pg_hello::endpoints {
namespace {

using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;

std::string Header(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

snapshot::Snapshot OneFunction() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  return snapshot;
}

void RenewOneFunction(snapshot::Snapshot& snapshot, snapshot::Detail) { snapshot = OneFunction(); }

selection::Budget Unlimited() { return {}; }

struct Scraped {
  http::Response response;
  std::size_t samples = 0;
};

Scraped Scrape(const http::Request& request) {
  Scraped scraped;
  Rounds rounds(RenewOneFunction);
  const auto idle = std::make_shared<exposition::IdleRenderers>();
  const http::Answer answer =
      Metrics(rounds, request, idle, Unlimited, [&](std::size_t n) { scraped.samples = n; });
  const auto& job = std::get<std::shared_ptr<http::Job>>(answer);
  while (!job->Step()) {
  }
  scraped.response = job->TakeResponse();
  return scraped;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(EndpointsTest, MetricsAnswersTextWithItsContentType) {
  Scraped scraped = Scrape({});
  EXPECT_EQ(scraped.response.status, 200);
  EXPECT_EQ(scraped.response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(Header(scraped.response, "Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(Header(scraped.response, "Content-Encoding"), "");
  const std::string& body = *scraped.response.body;
  EXPECT_TRUE(Contains(body, "\npg_hello_tracked_functions 1\n"));
  const auto lines = std::count(body.begin(), body.end(), '\n');
  const auto comments = [&] {
    std::ptrdiff_t count = 0;
    for (std::size_t at = 0; at < body.size(); at = body.find('\n', at) + 1) {
      count += body[at] == '#' ? 1 : 0;
    }
    return count;
  }();
  EXPECT_EQ(static_cast<std::ptrdiff_t>(scraped.samples), lines - comments);
}

TEST(EndpointsTest, MetricsAreCompressedOnlyWhenAskedFor) {
  http::Request request;
  const Scraped plain = Scrape(request);
  request.accept_encoding = "gzip";
  const Scraped packed = Scrape(request);
  EXPECT_EQ(packed.samples, plain.samples);
  EXPECT_EQ(Header(packed.response, "Content-Encoding"), "gzip");
  EXPECT_EQ(Header(packed.response, "Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(packed.response.content_type, plain.response.content_type);
  EXPECT_LT(packed.response.body->size(), plain.response.body->size() / 2);
  EXPECT_TRUE(packed.response.body->starts_with("\x1f\x8b"));
}

TEST(EndpointsTest, MetricsRefuseWhoAcceptsNoCodingAtAll) {
  Rounds rounds(RenewOneFunction);
  http::Request request;
  request.accept_encoding = "identity;q=0, br";
  const auto response = std::get<http::Response>(
      Metrics(rounds, request, std::make_shared<exposition::IdleRenderers>(), Unlimited,
              [](std::size_t) { FAIL(); }));
  EXPECT_EQ(response.status, 406);
  EXPECT_EQ(Header(response, "Vary"), "Accept, Accept-Encoding");
}

class RoutesTest : public ::testing::Test {
 protected:
  RoutesTest() {
    snapshot_.functions.push_back(MakeFunction(101, "public", "a()"));
    snapshot_.functions.push_back(MakeFunction(102, "sales", "b()"));
    const auto source = [this] {
      ++snapshots_;
      return snapshot_;
    };
    Register(router_,
             {.everything =
                  [this, source](snapshot::Snapshot& snapshot, snapshot::Detail detail) {
                    snapshot = source();
                    details_.push_back(detail);
                  },
              .unshared = source,
              .health = [this] { return health::MakeReport(snapshot_); },
              .budget = [this] { return budget_; }},
             [this](std::size_t samples) { observed_.push_back(samples); });
  }

  http::Response Get(const std::string& target, http::Caller caller = http::Caller::kTrusted) {
    http::RequestHead head;
    head.method = "GET";
    head.target = target;
    head.host = "test";
    http::Answer answer = router_.Route(head, caller);
    if (const auto* job = std::get_if<std::shared_ptr<http::Job>>(&answer)) {
      while (!(*job)->Step()) {
      }
      return (*job)->TakeResponse();
    }
    return std::get<http::Response>(std::move(answer));
  }

  snapshot::Snapshot snapshot_ = MakeSnapshot();
  selection::Budget budget_;
  http::Router router_;
  int snapshots_ = 0;
  std::vector<snapshot::Detail> details_;  // that were asked for
  std::vector<std::size_t> observed_;
};

TEST_F(RoutesTest, BucketsAreTakenOnlyForWhomTheyAreShown) {
  using enum snapshot::Detail;
  Get("/metrics");
  Get("/metrics?name[]=pg_hello_function_duration_seconds_count");
  Get("/metrics?name[]=pg_hello_function_calls_total&name[]=pg_hello_workers");
  Get("/api/v1/functions");
  Get("/api/v1/active");
  EXPECT_EQ(details_,
            (std::vector{kEverything, kEverything, kWithoutBuckets, kEverything, kWithoutBuckets}));
}

TEST_F(RoutesTest, StrangersAreNotToldWhichDatabasesThereAre) {
  constexpr auto kStranger = http::Caller::kStranger;
  snapshot_.probe_rounds.interval_ms = 1'000;
  EXPECT_FALSE(Contains(*Get("/health", kStranger).body, "probes:database"));
  snapshot_.probed_databases.push_back(pg_hello::testing::MakeProbed(5, "secret"));
  snapshot_.probed_databases.push_back(pg_hello::testing::MakeProbed(6, "other"));
  pg_hello::testing::FailFrom(snapshot_.probed_databases[1], 0, "a secret role is missing");
  EXPECT_TRUE(Contains(*Get("/health").body, "probes:database:secret"));
  const std::string told = *Get("/health?verbose", kStranger).body;
  EXPECT_FALSE(Contains(told, "secret"));
  EXPECT_TRUE(Contains(told, "a probe of a database fails"));
  EXPECT_EQ(Get("/health/probes:database:secret").status, 200);
  EXPECT_EQ(Get("/health/probes:database:secret", kStranger).status, 404);
  EXPECT_EQ(Get("/health/probes:database", kStranger).status, 200);
}

TEST_F(RoutesTest, MetricsFollowsBudgetAndFilters) {
  EXPECT_TRUE(Contains(*Get("/metrics").body, "function=\"b()\""));
  const http::Response filtered = Get("/metrics?schema=public&name[]=*_calls_total&unknown=1");
  EXPECT_EQ(filtered.status, 200);
  EXPECT_TRUE(Contains(*filtered.body, "function=\"a()\""));
  EXPECT_FALSE(Contains(*filtered.body, "function=\"b()\""));
  EXPECT_FALSE(Contains(*filtered.body, "pg_hello_build_info"));
  budget_.max_functions = 1;
  EXPECT_FALSE(Contains(*Get("/metrics").body, "function=\"b()\""));
  EXPECT_EQ(observed_.size(), 3U);
}

TEST_F(RoutesTest, ParametersThatMakeNoSenseAre400AndCostNoSnapshot) {
  const http::Response response = Get("/metrics?function=%C3%28");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(*response.body,
            "The value of the parameter function is not valid UTF-8, or has control characters.\n");
  EXPECT_EQ(Get("/metrics?name[]=").status, 400);
  const http::Response json = Get("/api/v1/functions?limit=0");
  EXPECT_EQ(json.status, 400);
  EXPECT_EQ(json.content_type, "application/json");
  EXPECT_EQ(*json.body,
            "{\"error\":\"The value of the parameter limit is no number from 1 to 1000.\"}\n");
  EXPECT_EQ(snapshots_, 0);
  EXPECT_TRUE(observed_.empty());
}

TEST_F(RoutesTest, FunctionsAreListedAndFoundAsJson) {
  const http::Response list = Get("/api/v1/functions?schema=sales");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.content_type, "application/json");
  EXPECT_TRUE(Contains(*list.body, "\"funcid\":102"));
  EXPECT_FALSE(Contains(*list.body, "\"funcid\":101"));
  const http::Response one = Get("/api/v1/functions/app/101");
  EXPECT_EQ(one.status, 200);
  EXPECT_TRUE(Contains(*one.body, "\"histogram\""));
  EXPECT_EQ(Get("/api/v1/functions/app/103").status, 404);
  EXPECT_EQ(Get("/api/v1/functions/nowhere/101").status, 404);
  for (const char* funcid : {"x", "-1", "101x", "4294967296", "%00"}) {
    EXPECT_EQ(Get(std::string("/api/v1/functions/app/") + funcid).status, 400) << funcid;
  }
  snapshot_.databases[0].datname = "a/b \u00e9";
  EXPECT_EQ(Get("/api/v1/functions/a%2Fb%20%C3%A9/101").status, 200);
  EXPECT_TRUE(observed_.empty());
}

TEST_F(RoutesTest, ActiveCallsAreListedAsJson) {
  snapshot_.active_calls = {{0, 4711, 1, kNowUs - 1'000'000}};
  const http::Response response = Get("/api/v1/active");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_TRUE(Contains(*response.body, "\"pid\":4711"));
  EXPECT_FALSE(Contains(*Get("/api/v1/active?schema=sales").body, "\"pid\""));
  const http::Response refusal = Get("/api/v1/active?limit=0");
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(refusal.content_type, "application/json");
}

TEST(EndpointsTest, HealthAnswers200ForPassAndWarnAnd503ForFail) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  const auto health = [&snapshot] { return Health(health::MakeReport(snapshot), {}); };
  http::Response response = health();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/health+json");
  EXPECT_TRUE(Contains(*response.body, "\"status\": \"pass\""));
  snapshot.worker.listening = false;
  response = health();
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.body->starts_with("{\n  \"status\": \"warn\""));
  snapshot.server.postmaster_status = "stopping";
  response = health();
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.body->starts_with("{\n  \"status\": \"fail\""));
}

TEST(EndpointsTest, LivezIsAlwaysOk) {
  const http::Response response = Livez({});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(*response.body, "ok\n");
  EXPECT_EQ(*Livez({{"verbose", ""}, {"exclude", "ping"}}).body,
            "[+]ping ok\nlivez check passed\n");
}

TEST(EndpointsTest, ReadyzFollowsServerAndHeartbeat) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  const auto readyz = [&snapshot](const http::Params& params = {}) {
    return Readyz(health::MakeReport(snapshot), params);
  };
  EXPECT_EQ(readyz().status, 200);
  EXPECT_EQ(*readyz().body, "ok\n");
  EXPECT_TRUE(Contains(*readyz({{"verbose", ""}}).body, "[+]postgres:status ok\n"));
  snapshot.server.postmaster_status = "standby";
  EXPECT_EQ(readyz().status, 200);
  snapshot.server.postmaster_status = "starting";
  EXPECT_EQ(readyz({{"exclude", "worker"}, {"exclude", "postgres:status"}}).status, 200);
  const http::Response response = readyz();
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(Contains(*response.body, "[-]postgres:status failed: "));
  snapshot = MakeSnapshot();
  snapshot.worker.heartbeat_at_us = kNowUs - 61'000'000;
  EXPECT_EQ(readyz({{"verbose", ""}}).status, 503);
}

TEST_F(RoutesTest, HealthCanBeAskedInPart) {
  snapshot_.worker.listening = false;
  snapshot_.server.postmaster_status = "starting";
  EXPECT_EQ(Get("/health").status, 503);
  const http::Response excluded = Get("/health?exclude=postgres:status");
  EXPECT_EQ(excluded.status, 200);
  EXPECT_TRUE(Contains(*excluded.body, "\"status\": \"warn\""));
  EXPECT_FALSE(Contains(*excluded.body, "postgres:status"));
  EXPECT_FALSE(Contains(*excluded.body, "\"rule\""));
  const http::Response one = Get("/health/http:listening?verbose");
  EXPECT_EQ(one.status, 200);
  EXPECT_EQ(one.content_type, "application/health+json");
  EXPECT_TRUE(Contains(*one.body, "\"rule\": \"Warns if a configured address is not bound.\""));
  EXPECT_FALSE(Contains(*one.body, "http:connections"));
  EXPECT_TRUE(Contains(*Get("/health/http").body, "http:connections"));
  EXPECT_EQ(Get("/health/postgres").status, 503);
  EXPECT_EQ(Get("/health/nosuch").status, 404);
  EXPECT_EQ(*Get("/health/%3Cb%3E").body, "There is no such check.\n");
}

TEST_F(RoutesTest, ReadinessCanBeAskedInPart) {
  snapshot_.server.postmaster_status = "starting";
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz?exclude=postgres:status").status, 200);
  EXPECT_EQ(*Get("/readyz/worker:heartbeat?verbose").body,
            "[+]worker:heartbeat ok\nreadyz check passed\n");
  EXPECT_EQ(Get("/readyz/postgres:status").status, 503);
  EXPECT_EQ(Get("/readyz/http:listening").status, 404);
}

TEST_F(RoutesTest, ThePageLinksToEveryOtherPath) {
  const http::Response response = Get("/");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  for (const char* link :
       {"href=\"metrics\"", "href=\"api/v1/functions\"", "href=\"api/v1/active\"",
        "href=\"health\"", "href=\"livez\"", "href=\"readyz?verbose\""}) {
    EXPECT_TRUE(Contains(*response.body, link)) << link;
  }
  EXPECT_EQ(snapshots_, 0);
}

TEST_F(RoutesTest, ThePageNeedsNothingFromElsewhereAndIsAllowedNothing) {
  const http::Response response = Get("/");
  const std::string policy = Header(response, "Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'sha256-"));
  EXPECT_TRUE(Contains(policy, "; style-src 'sha256-"));
  EXPECT_FALSE(Contains(policy, "unsafe"));
  EXPECT_TRUE(response.body->starts_with("<!doctype html>\n<html lang=\"en\">"));
  EXPECT_TRUE(Contains(*response.body, "<title>pg_hello</title>"));
  EXPECT_TRUE(Contains(*response.body, "width=device-width"));
  for (const char* forbidden : {"http:", "https:", "src=", "url(", "@import", " style=\"",
                                " onclick", "innerHTML", "eval("}) {
    EXPECT_FALSE(Contains(*response.body, forbidden)) << forbidden;
  }
}

TEST_F(RoutesTest, WhoAsksForThePageSharesIt) { EXPECT_EQ(Get("/").body, Get("/").body); }

}  // namespace
}  // namespace pg_hello::endpoints
