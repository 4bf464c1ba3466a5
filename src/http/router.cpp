// The only file that includes httplib.h: its size, its macros and its view of the world end here.
//
// One source for 0.11.4 (bookworm), 0.18 (trixie) and later: process_request() and Stream differ.
// The header must see the macros the packaged library was built with, or the two disagree about the
// size of Request: compile with `pkg-config --cflags cpp-httplib`.
#include "pg_hello/http/router.h"

// httplib.h includes <iostream>, whose one effect on who does not use std::cout is a static
// constructor and destructor in the module, that is, in every backend. What it uses of streams is
// in these two; the guard keeps the third out (newer versions of libstdc++ need no such thing).
#include <fstream>
#include <sstream>
#define _GLIBCXX_IOSTREAM 1  // NOLINT(bugprone-reserved-identifier)
#include <httplib.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace pg_hello::http {
namespace {

// Gives the library its request and swallows its response. Overrides whatever Stream declares in
// the version at hand; `override` would tie it to one of them, hence none.
// NOLINTBEGIN(modernize-use-override, cppcoreguidelines-explicit-virtual-functions)
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view input) : input_(input) {}

  bool is_readable() const { return !input_.empty(); }
  bool is_writable() const { return true; }
  bool wait_readable() const { return !input_.empty(); }
  bool wait_writable() const { return true; }

  ssize_t read(char* to, size_t size) {
    const std::size_t count = input_.copy(to, size);
    input_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char*, size_t size) { return static_cast<ssize_t>(size); }

  void get_remote_ip_and_port(std::string&, int& port) const { port = 0; }
  void get_local_ip_and_port(std::string&, int& port) const { port = 0; }
  socket_t socket() const { return INVALID_SOCKET; }
  time_t duration() const { return 0; }

 private:
  std::string_view input_;
};
// NOLINTEND(modernize-use-override, cppcoreguidelines-explicit-virtual-functions)

// A regular expression that matches `path` and nothing else. The colon is escaped as well: newer
// versions take "/:" for the start of a parameter.
std::string Literal(std::string_view path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view("\\^$.|?*+()[]{}/:-").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// The target as every version of the library reads it alike: a "?" in the query is refused by some
// and an "=" in a value cuts it short, so both are encoded.
std::string UnambiguousTarget(std::string_view target) {
  std::string out;
  bool in_query = false;
  bool in_value = false;
  for (const char c : target) {
    if (c == '?' && in_query) {
      out += "%3F";
    } else if (c == '=' && in_value) {
      out += "%3D";
    } else {
      out += c;
      if (c == '?') in_query = true;
      if (c == '=' && in_query) in_value = true;
      if (c == '&') in_value = false;
    }
  }
  return out;
}

// Opens the protected door of httplib::Server. Its own sockets and threads are never started.
class ProtectedServer final : public httplib::Server {
 public:
  void Process(httplib::Stream& stream) { ProcessAs(*this, stream); }

 private:
  // A template so that only the call which the version at hand has need compile.
  template <typename Self>
  static void ProcessAs(Self& self, httplib::Stream& stream) {
    bool closed = false;
    const std::function<void(httplib::Request&)> no_setup;
    if constexpr (requires { self.process_request(stream, true, closed, no_setup); }) {
      self.process_request(stream, true, closed, no_setup);
    } else {
      self.process_request(stream, std::string(), 0, std::string(), 0, true, closed, no_setup);
    }
  }
};

// Without a body or a content type if there is no memory for them.
Response PlainResponse(int status, const char* body) noexcept {
  try {
    return TextResponse(status, body);
  } catch (...) {
    return Response{status, std::string(), {}, nullptr};
  }
}

}  // namespace

class Router::Library {
 public:
  Library() {
    server_.set_pre_routing_handler([this](const httplib::Request&, httplib::Response&) {
      call_->parsed = true;
      return httplib::Server::HandlerResponse::Unhandled;
    });
    // Ours are caught in Answer(): this is what the library itself throws while it routes. Setting
    // it also keeps old versions from writing exception texts into a header.
    server_.set_exception_handler([this](const httplib::Request&, httplib::Response&,
                                         const std::exception_ptr&) { call_->failed = true; });
  }

  void Handle(const std::string& path, Handler handler) {
    routes_.push_back(std::make_unique<Entry>(Entry{path, std::move(handler)}));
    const Entry* entry = routes_.back().get();
    server_.Get(Literal(path), [this, entry](const httplib::Request& request, httplib::Response&) {
      // Whatever the matcher of this version makes of the pattern.
      if (request.path == entry->path) Answer(*entry, request);
    });
  }

  Response Route(const RequestHead& head, const std::string** route) {
    const std::string text = "GET " + UnambiguousTarget(head.target) +
                             " HTTP/1.1\r\nHost: " + (head.host.empty() ? "localhost" : head.host) +
                             "\r\nConnection: close\r\n\r\n";
    Call call{head};
    const Scope scope(call_, call);
    MemoryStream stream(text);
    server_.Process(stream);

    if (call.entry != nullptr && route != nullptr) *route = &call.entry->path;
    if (call.failed) return PlainResponse(500, "Internal server error\n");
    if (call.entry != nullptr) return std::move(call.response);
    return call.parsed ? PlainResponse(404, "Not found\n") : PlainResponse(400, "Bad request\n");
  }

 private:
  struct Entry {
    std::string path;
    Handler handler;
  };

  // One Route(). The library's handlers have no argument of ours, so it is reached through call_.
  struct Call {
    const RequestHead& head;
    const Entry* entry = nullptr;
    bool parsed = false;
    bool failed = false;
    Response response = {};
  };

  // A handler may itself ask the router something: the outer call comes back afterwards.
  class Scope {
   public:
    Scope(Call*& slot, Call& call) : slot_(slot), outer_(std::exchange(slot, &call)) {}
    ~Scope() { slot_ = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Call*& slot_;
    Call* outer_;
  };

  void Answer(const Entry& entry, const httplib::Request& from) {
    Call& call = *call_;
    call.entry = &entry;
    try {
      Request request;
      request.path = from.path;
      request.params.insert(from.params.begin(), from.params.end());
      request.accept = call.head.accept;
      request.accept_encoding = call.head.accept_encoding;
      request.authorization = call.head.authorization;
      call.response = entry.handler(request);
    } catch (...) {
      call.failed = true;
    }
  }

  ProtectedServer server_;
  std::vector<std::unique_ptr<Entry>> routes_;  // by pointer: the library's handlers point at them
  Call* call_ = nullptr;
};

Router::Router() : library_(std::make_unique<Library>()) {}
Router::~Router() = default;

void Router::Handle(const std::string& path, Handler handler) {
  library_->Handle(path, std::move(handler));
}

Response Router::Route(const RequestHead& head, const std::string** route) noexcept {
  if (route != nullptr) *route = nullptr;
  try {
    return library_->Route(head, route);
  } catch (...) {
    return PlainResponse(500, "Internal server error\n");
  }
}

}  // namespace pg_hello::http
