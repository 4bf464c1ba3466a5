// Requests and responses as the endpoints see them: values, with nothing of sockets or libraries.
#ifndef PG_HELLO_HTTP_MESSAGE_H
#define PG_HELLO_HTTP_MESSAGE_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pg_hello::http {

// Names and values, in the order in which they were sent. A name may come several times.
using Params = std::vector<std::pair<std::string, std::string>>;

bool HasParam(const Params& params, std::string_view name);

// A GET or HEAD request, already routed and let in. Everything in it comes from the client: nothing
// of it may be echoed into a response or a log line unescaped, and decoded values are any bytes.
// What the client has shown to be let in is not in it.
struct Request {
  std::vector<std::string> path_params;  // decoded; what stands for the route's {...}, in order
  Params params;                         // decoded query parameters; "?a" has an empty value
  std::string accept;
  std::string accept_encoding;
  bool trusted = true;  // false: a stranger, on an open path
};

// The body is shared, not copied: several connections may be sent the same one.
struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  // besides Content-Type and -Length
  std::shared_ptr<const std::string> body;                   // null: empty
};

// A response that takes long to make, made in steps between the turns of the reactor's loop.
// Several requests may be given the same job: all are sent its response. It belongs to the requests
// that wait for it; when the last of them is gone it is destroyed, finished or not.
class Job {
 public:
  Job() = default;
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Whether Step() has to wait until a body that is being sent has gone.
  virtual bool WantsRoom() const { return false; }

  // Works for about a millisecond; true when the response is there. May throw: all who wait are
  // answered with a bare 500 then.
  virtual bool Step() = 0;

  // Called once, after Step() has returned true. May throw as Step().
  virtual Response TakeResponse() = 0;
};

// A response, or the job (not null) that makes it.
using Answer = std::variant<Response, std::shared_ptr<Job>>;

// What answers a path. May throw: the router turns any exception into a bare 500.
using Handler = std::function<Answer(const Request&)>;

Response TextResponse(int status, std::string body);

// The bare 500. Without a body or a content type if there is no memory for them.
Response InternalError() noexcept;

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_MESSAGE_H
