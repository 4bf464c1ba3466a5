// URLs that are not ours, which nothing is sent to.
#include "ctl/http_get.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(HttpGetTest, RefusesWhatIsNoUrlOfOurs) {
  for (const char* const url :
       {"", "localhost", "127.0.0.1:9797", "https://", "https://x:0", "ftp://localhost", "http://",
        "http:///health", "http://localhost:", "http://localhost:0", "http://localhost:65536",
        "http://localhost:97x", "http://localhost:-1", "http://[::1]:x", "http://:9797"}) {
    const auto answer = GetHealth({.url = url});
    const auto* const error = std::get_if<HttpError>(&answer);
    ASSERT_NE(error, nullptr) << url;
    EXPECT_EQ(error->failure, HttpFailure::kBadRequest) << url;
  }
}

TEST(HttpGetTest, SendsNothingIfAFileCannotBeRead) {
  for (const HttpRequest& request :
       {HttpRequest{.url = "https://localhost:1", .ca_file = "/nowhere"},
        HttpRequest{.url = "http://localhost:1", .token_file = "/nowhere"},
        HttpRequest{.url = "http://localhost:1", .token_file = "/dev/null"}}) {
    const auto answer = GetHealth(request);
    const auto* const error = std::get_if<HttpError>(&answer);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->failure, HttpFailure::kBadRequest);
  }
}

}  // namespace
}  // namespace pg_hello::ctl
