// Path -> handler. The only room that knows cpp-httplib: it parses the (already vetted) request
// over an in-memory stream and picks the handler; sockets, limits, decoding and what is sent back
// are ours. What the library would have written is thrown away, so that it compresses nothing.
//
// Why it sees so little: its own listen(), thread pool and stop() hang a fast shutdown and starve
// under slow clients, and bodies, Range, multipart, long heads and header echo are where its CVEs
// are. So it is given a head that this project wrote itself: method, path, Host and nothing else.
#ifndef PG_HELLO_HTTP_ROUTER_H
#define PG_HELLO_HTTP_ROUTER_H

#include <memory>
#include <string>

#include "pg_hello/http/message.h"
#include "pg_hello/http/request_head.h"

namespace pg_hello::http {

// Who asks.
enum class Caller {
  kTrusted,   // has shown what the rules ask for
  kStranger,  // is answered on open paths only
};

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // GET and HEAD of exactly this path, which is taken literally but for segments of the form
  // "{name}": such a one stands for any segment that is not empty, handed to the handler in
  // Request::path_params.
  void Handle(const std::string& path, Handler handler);

  // Everybody is answered on this path. REQUIRES: it has been given to Handle().
  void Open(const std::string& path);

  // What to answer. Never throws: an unknown path is 404, a path that is not open 401 for a
  // stranger, a handler that throws 500 (with nothing of the exception in it), a request that the
  // library refuses 400. If asked for, `route` is set to the path of the route that answered, as
  // given to Handle(), or to null if none did.
  Answer Route(const RequestHead& head, Caller caller,
               const std::string** route = nullptr) noexcept;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_ROUTER_H
