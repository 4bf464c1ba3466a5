// One GET request, through cpp-httplib.
#pragma once

#include <string>
#include <variant>

namespace pg_hello::ctl {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

enum class HttpFailure {
  kBadUrl,    // not http://HOST[:PORT][/PATH]
  kNoAnswer,  // no connection, or no whole answer
};

struct HttpError {
  HttpFailure failure;
  std::string message;
};

// Waits 10 s for the connection and for each piece of the answer. Without a path, asks /health.
std::variant<HttpAnswer, HttpError> GetHealth(const std::string& url);

}  // namespace pg_hello::ctl
