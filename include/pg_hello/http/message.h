// Requests and responses as the endpoints see them: values, with nothing of sockets or libraries.
#ifndef PG_HELLO_HTTP_MESSAGE_H
#define PG_HELLO_HTTP_MESSAGE_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pg_hello::http {

// Names and values, in the order in which they were sent. A name may come several times.
using Params = std::vector<std::pair<std::string, std::string>>;

bool HasParam(const Params& params, std::string_view name);

// A GET or HEAD request, already routed. Everything in it comes from the client: nothing of it may
// be echoed into a response or a log line unescaped, and decoded values are any bytes.
struct Request {
  std::vector<std::string> path_params;  // decoded; what stands for the route's {...}, in order
  Params params;                         // decoded query parameters; "?a" has an empty value
  std::string accept;
  std::string accept_encoding;
  std::string authorization;
};

// The body is shared, not copied: several connections may be sent the same one.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  // besides Content-Type and -Length
  std::shared_ptr<const std::string> body;                   // null: empty
};

// What answers a path. May throw: the router turns any exception into a bare 500.
using Handler = std::function<Response(const Request&)>;

Response TextResponse(int status, std::string body);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_MESSAGE_H
