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
  kBadRequest,  // no http[s]://HOST[:PORT][/PATH], or a file that cannot be read: nothing was sent
  kNoAnswer,    // no connection, or no whole answer
};

struct HttpError {
  HttpFailure failure;
  std::string message;
};

// Files may be empty.
struct HttpRequest {
  std::string url = {};
  std::string token_file = {};  // whose first line is sent as a bearer token
  std::string ca_file = {};     // authorities that are trusted, instead of the system's
  std::string cert_file = {};   // of the client, with its key
  std::string key_file = {};
};

// Waits 10 s for the connection and for each piece of the answer. Without a path, asks /health. By
// HTTPS, the server's certificate must be for the host in the URL.
std::variant<HttpAnswer, HttpError> GetHealth(const HttpRequest& request);

}  // namespace pg_hello::ctl
