// Every allocation of a conversation fails once, each in a run of its own. In a file of its own
// because it replaces operator new for the whole test program (and changes nothing until armed).
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace {

long fail_after = -1;  // allocations until one fails; negative: none will

void* Allocate(std::size_t size) {
  if (fail_after >= 0 && fail_after-- == 0) return nullptr;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

// Not inlined: gcc would see new's malloc() but not delete's free(), and warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* memory = Allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace pg_hello::http {
namespace {

// Turns the reactor as long as it has something to do, with allocation `n` failing. Returns whether
// one did.
bool PollFailing(Site& site, long n) {
  fail_after = n;
  while (site.Readable(0) || site.Timeout() == 0) site.Poll();
  const bool failed = fail_after < 0;
  fail_after = -1;
  return failed;
}

struct TwoSteps : Job {
  bool Step() override { return std::exchange(begun, true); }
  Response TakeResponse() override { return TextResponse(200, "made"); }
  bool begun = false;
};

TEST(OutOfMemory, OfAJobCostsThoseWhoWaitForIt) {
  Site site({{"/job", [](const Request&) { return std::make_shared<TwoSteps>(); }}});
  site.Listen();
  bool failed = true;
  for (long n = 0; failed; ++n) {
    ASSERT_LT(n, 10'000);
    Client client(site.port());
    client.Send("GET /job HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    failed = PollFailing(site, n);
    client.Receive();
    EXPECT_TRUE(client.closed()) << n;
    EXPECT_EQ(client.Has("HTTP/1.1 200") ? client.body() : "made", "made");
  }
  ASSERT_TRUE(site.UntilConnections(0));
  EXPECT_EQ(site.reactor->requests_in_flight(), 0);
}

TEST(OutOfMemory, CostsOneConnectionOrOneResponseAndNothingElse) {
  Site site;
  site.Listen();
  bool failed = true;
  long n = 0;
  for (; failed; ++n) {
    ASSERT_LT(n, 10'000);
    Client client(site.port());
    client.Get("/ok?a=b&c=d%20" + std::string(100, 'e'));
    client.Send("POST / HTTP/1.1\r\nHost: localhost\r\nAccept: " + std::string(100, 'f') +
                "\r\n\r\n");
    failed = PollFailing(site, n);
    client.Receive();
    EXPECT_TRUE(client.closed()) << n;
    if (client.Has("HTTP/1.1 ")) {
      EXPECT_TRUE(client.status() == 200 || client.status() == 500) << client.received();
    }
    if (!failed) {
      EXPECT_TRUE(client.Has("fine\n"));
      EXPECT_TRUE(client.Has("HTTP/1.1 405"));
    }
    client.Close();
    ASSERT_TRUE(site.UntilConnections(0)) << n;
  }
  EXPECT_GT(n, 20);
}

TEST(OutOfMemory, DoesNotEndTheRetriesOfAListener) {
  Site first;
  first.Listen();
  Site site;
  site.reactor->Listen({{"127.0.0.1", first.port()}}, site.now);
  for (long n = 0; n < 20; ++n) {
    site.now += 60'000;
    fail_after = n;
    site.Poll();
    fail_after = -1;
    EXPECT_GT(site.Timeout(), 0) << "its owner would spin";
  }
  first.reactor.reset();
  site.now += 60'000;
  site.Poll();
  EXPECT_EQ(site.reactor->listeners().at(0).error, "");
}

TEST(OutOfMemory, NeverEscapesFromTheRouter) {
  Router router;
  router.Handle("/a", [](const Request&) { return TextResponse(200, std::string(100, 'x')); });
  RequestHead head;
  head.target = "/a?b=" + std::string(100, 'c');
  bool failed = true;
  for (long n = 0; failed; ++n) {
    ASSERT_LT(n, 10'000);
    fail_after = n;
    const Answer answer = router.Route(head, Caller::kTrusted);
    failed = fail_after < 0;
    fail_after = -1;
    const int status = std::get<Response>(answer).status;
    EXPECT_TRUE(status == 500 || status == 200) << status;
  }
}

}  // namespace
}  // namespace pg_hello::http
