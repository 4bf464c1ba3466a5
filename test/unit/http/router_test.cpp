#include "pg_hello/http/router.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pg_hello::http {
namespace {

RequestHead HeadOf(const std::string& target) {
  RequestHead head;
  head.method = "GET";
  head.target = target;
  head.host = "x";
  return head;
}

std::string BodyOf(const Response& response) {
  return response.body == nullptr ? std::string() : *response.body;
}

Response Ask(Router& router, const RequestHead& head, const std::string** route = nullptr,
             Caller caller = Caller::kTrusted) {
  return std::get<Response>(router.Route(head, caller, route));
}

Handler Say(const std::string& text) {
  return [text](const Request&) { return TextResponse(200, text); };
}

TEST(Router, PicksTheHandlerOfThePath) {
  Router router;
  router.Handle("/a", Say("A"));
  router.Handle("/b", Say("B"));
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/a"))), "A");
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/b"))), "B");
  EXPECT_EQ(Ask(router, HeadOf("/a")).status, 200);
}

TEST(Router, AnswersAnUnknownPathWithABare404) {
  Router router;
  router.Handle("/a", Say("A"));
  for (const char* target : {"/", "/A", "/a/", "/ab", "/b", "//a", "/x/a", "/%61b", "/a%00",
                             "/a%0a", "/a%2f", "/%3cscript%3e"}) {
    const Response response = Ask(router, HeadOf(target));
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_EQ(BodyOf(response), "Not found\n") << target;
  }
}

TEST(Router, DecodesThePathBeforeItRoutes) {
  Router router;
  router.Handle("/a", Say("A"));
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/%61"))), "A");
}

TEST(Router, HandsOverTheSegmentsThatAPatternLeavesOpen) {
  Router router;
  std::vector<std::string> seen;
  router.Handle("/f", Say("all"));
  router.Handle("/f/{datname}/{funcid}", [&](const Request& request) {
    seen = request.path_params;
    return TextResponse(200, "one");
  });
  const std::string* route = nullptr;
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/f/shop/16384?x=y"), &route)), "one");
  EXPECT_EQ(seen, (std::vector<std::string>{"shop", "16384"}));
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(*route, "/f/{datname}/{funcid}");
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/f"))), "all");
  for (const char* target :
       {"/f/", "/f/shop", "/f/shop/", "/f//1", "/f/a/b/c", "/g/a/b", "/f/a%2Fb", "/f/a/b/"}) {
    EXPECT_EQ(Ask(router, HeadOf(target)).status, 404) << target;
  }
}

TEST(Router, DecodesAnOpenSegmentOnceWhateverIsInIt) {
  Router router;
  std::string seen;
  router.Handle("/f/{a}/x", [&](const Request& request) {
    seen = request.path_params.at(0);
    return Response();
  });
  const std::pair<const char*, std::string> kSegments[] = {
      {"a%2Fb", "a/b"},   {"%2F", "/"},       {"%252F", "%2F"},
      {"%25", "%"},       {"a+b", "a+b"},     {"..", ".."},
      {"%00", {"\0", 1}}, {"%0D%0A", "\r\n"}, {"%C3%A9%20%ff", "\xc3\xa9 \xff"},
      {"{a}", "{a}"},     {"%3F", "?"},       {"a%2fx%2fx", "a/x/x"}};
  for (const auto& [sent, expected] : kSegments) {
    seen.clear();
    EXPECT_EQ(Ask(router, HeadOf("/f/" + std::string(sent) + "/x")).status, 200) << sent;
    EXPECT_EQ(seen, expected) << sent;
  }
}

TEST(Router, TakesARouteLiterallyAndNotAsAPattern) {
  Router router;
  router.Handle("/a.b", Say("dot"));
  router.Handle("/(.*)", Say("group"));
  router.Handle("/:name", Say("parameter"));
  router.Handle("/[x]{2}\\^$|?*+-", Say("rest"));
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/a.b"))), "dot");
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/(.*)"))), "group");
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/:name"))), "parameter");
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/%5Bx%5D%7B2%7D%5C%5E$%7C%3F*+-"))), "rest");
  for (const char* target : {"/axb", "/zzz", "/x", "/xx"}) {
    EXPECT_EQ(Ask(router, HeadOf(target)).status, 404) << target;
  }
}

TEST(Router, DecodesTheQuery) {
  Router router;
  Request seen;
  router.Handle("/q", [&](const Request& request) {
    seen = request;
    return Response();
  });
  ASSERT_EQ(Ask(router, HeadOf("/q?name[]=a%26b&x=1&name%5B%5D=c+d")).status, 200);
  EXPECT_EQ(seen.params, (Params{{"name[]", "a&b"}, {"x", "1"}, {"name[]", "c d"}}));
}

TEST(Router, ManagesAnEmptyOrStrangeQuery) {
  Router router;
  router.Handle("/q", Say("Q"));
  for (const char* target : {"/q?", "/q??", "/q?=", "/q?&&", "/q?a", "/q?=b", "/q?%00=%0d%0a"}) {
    EXPECT_EQ(Ask(router, HeadOf(target)).status, 200) << target;
  }
}

TEST(Router, HandsOverTheFieldsThatTheLibraryNeverSees) {
  Router router;
  Request seen;
  router.Handle("/", [&](const Request& request) {
    seen = request;
    return Response();
  });
  RequestHead head = HeadOf("/");
  head.accept = "text/plain;q=%0d%0a";
  head.accept_encoding = "gzip";
  Ask(router, head);
  EXPECT_EQ(seen.accept, "text/plain;q=%0d%0a");
  EXPECT_EQ(seen.accept_encoding, "gzip");
}

TEST(Router, AnswersStrangersOnOpenPathsOnly) {
  Router router;
  bool asked = false;
  router.Handle("/open", Say("open"));
  router.Handle("/open/{x}", Say("not"));
  router.Handle("/data", [&](const Request&) {
    asked = true;
    return TextResponse(200, "data");
  });
  router.Open("/open");
  const std::string* route = nullptr;
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/open?x=/data"), &route, Caller::kStranger)), "open");
  for (const char* target : {"/data", "/data?/open", "/%64ata", "/open/a", "/open/%2e%2e"}) {
    EXPECT_EQ(Ask(router, HeadOf(target), &route, Caller::kStranger).status, 401) << target;
    EXPECT_NE(route, nullptr) << target;
    EXPECT_EQ(Ask(router, HeadOf(target)).status, 200) << target;
  }
  asked = false;
  Ask(router, HeadOf("/data"), &route, Caller::kStranger);
  EXPECT_FALSE(asked) << "the handler worked for a stranger";
  EXPECT_EQ(Ask(router, HeadOf("/none"), &route, Caller::kStranger).status, 404);
}

TEST(Router, DoesWithoutAHost) {
  Router router;
  router.Handle("/", Say("ok"));
  RequestHead head = HeadOf("/");
  head.host.clear();
  EXPECT_EQ(Ask(router, head).status, 200);
}

TEST(Router, RoutesHeadAsGet) {
  Router router;
  router.Handle("/", Say("ok"));
  RequestHead head = HeadOf("/");
  head.method = "HEAD";
  EXPECT_EQ(BodyOf(Ask(router, head)), "ok");
}

TEST(Router, PassesTheResponseOnUntouched) {
  Router router;
  const auto body = std::make_shared<const std::string>("shared");
  router.Handle("/", [&](const Request&) {
    return Response{503, "application/json", {{"X-A", "b"}}, body};
  });
  const Response response = Ask(router, HeadOf("/"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.content_type, "application/json");
  ASSERT_EQ(response.headers.size(), 1u);
  EXPECT_EQ(response.body, body);
}

TEST(Router, PassesAJobOn) {
  struct Nothing : Job {
    bool Step() override { return true; }
    Response TakeResponse() override { return {}; }
  };
  Router router;
  const auto job = std::make_shared<Nothing>();
  router.Handle("/", [&](const Request&) { return job; });
  EXPECT_EQ(std::get<std::shared_ptr<Job>>(router.Route(HeadOf("/"), Caller::kTrusted)), job);
}

TEST(Router, TurnsAnyExceptionIntoABare500) {
  Router router;
  router.Handle("/std", [](const Request&) -> Response { throw std::runtime_error("secret"); });
  router.Handle("/oom", [](const Request&) -> Response { throw std::bad_alloc(); });
  router.Handle("/int", [](const Request&) -> Response { throw 42; });
  router.Handle("/empty", Handler());
  for (const char* target : {"/std", "/oom", "/int", "/empty"}) {
    const Response response = Ask(router, HeadOf(target));
    EXPECT_EQ(response.status, 500) << target;
    EXPECT_EQ(BodyOf(response), "Internal server error\n") << target;
    EXPECT_TRUE(response.headers.empty()) << target;
  }
}

TEST(Router, WorksAgainAfterAnException) {
  Router router;
  bool fail = true;
  router.Handle("/", [&](const Request&) {
    if (fail) throw std::runtime_error("x");
    return TextResponse(200, "ok");
  });
  EXPECT_EQ(Ask(router, HeadOf("/")).status, 500);
  fail = false;
  EXPECT_EQ(Ask(router, HeadOf("/")).status, 200);
}

TEST(Router, Answers400ToWhatTheLibraryRefuses) {
  Router router;
  RequestHead head = HeadOf("/");
  head.host = "x\r\n\r\n";
  head.target = std::string(10'000, 'a');
  EXPECT_EQ(Ask(router, head).status, 400);
}

TEST(Router, TellsWhichRouteAnswered) {
  Router router;
  router.Handle("/a", Say("A"));
  router.Handle("/fails", [](const Request&) -> Response { throw 1; });
  const std::string* route = nullptr;
  Ask(router, HeadOf("/%61?x=y"), &route);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(*route, "/a");
  Ask(router, HeadOf("/fails"), &route);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(*route, "/fails");
  Ask(router, HeadOf("/b"), &route);
  EXPECT_EQ(route, nullptr);
}

TEST(Router, LetsAHandlerAskTheRouter) {
  Router router;
  router.Handle("/inner", Say("inner"));
  router.Handle("/outer", [&](const Request&) {
    return TextResponse(200, "outer+" + BodyOf(Ask(router, HeadOf("/inner"))));
  });
  EXPECT_EQ(BodyOf(Ask(router, HeadOf("/outer"))), "outer+inner");
}

TEST(Router, CopesWithTheLongestTarget) {
  Router router;
  const std::string path = "/" + std::string(kMaxPathBytes - 1, 'a');
  router.Handle(path, Say("long"));
  EXPECT_EQ(BodyOf(Ask(router, HeadOf(path))), "long");
  EXPECT_EQ(
      BodyOf(Ask(router, HeadOf(path + "?" + std::string(kMaxTargetBytes - path.size() - 1, '=')))),
      "long");
}

}  // namespace
}  // namespace pg_hello::http
