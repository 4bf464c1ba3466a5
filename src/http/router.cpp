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

#include <string_view>
#include <utility>
#include <vector>

#include "gate.h"
#include "pg_hello/http/target.h"

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

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
}

// A regular expression that matches a route's path. The colon is escaped as well: newer versions
// take "/:" for the start of a parameter.
std::string Pattern(const std::vector<std::string>& segments) {
  std::string pattern;
  for (const std::string& segment : segments) {
    pattern += "\\/";
    if (IsParameter(segment)) {
      pattern += "[^/]+";
      continue;
    }
    for (const char c : segment) {
      if (std::string_view("\\^$.|?*+()[]{}/:-").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
  }
  return pattern;
}

std::vector<std::string> SegmentsOf(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.emplace_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

void AppendEncoded(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// The path as every version of the library reads it alike: nothing is left raw but letters, digits
// and the slashes between segments. A slash inside of a segment is encoded twice, so that the
// library, which decodes once, does not take it for one of them.
std::string UnambiguousPath(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments) {
    path += '/';
    for (const char c : segment) {
      const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (c == '/') {
        path += "%252F";
      } else if (plain) {
        path += c;
      } else {
        AppendEncoded(path, c);
      }
    }
  }
  return path;
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
    // Ours are caught in Dispatch(): this is what the library itself throws while it routes.
    // Setting it also keeps old versions from writing exception texts into a header.
    server_.set_exception_handler([this](const httplib::Request&, httplib::Response&,
                                         const std::exception_ptr&) { call_->failed = true; });
  }

  void Handle(const std::string& path, Handler handler) {
    routes_.push_back(
        std::make_unique<Entry>(Entry{path, SegmentsOf(path), std::move(handler), false}));
    const Entry* entry = routes_.back().get();
    server_.Get(Pattern(entry->segments),
                [this, entry](const httplib::Request&, httplib::Response&) { Dispatch(*entry); });
  }

  void Open(const std::string& path) {
    for (const auto& entry : routes_) entry->open = entry->open || entry->path == path;
  }

  Answer Route(const RequestHead& head, Caller caller, const std::string** route) {
    Call call{head, caller, DecodeTarget(head.target)};
    const std::string text = "GET " + UnambiguousPath(call.target.segments) +
                             " HTTP/1.1\r\nHost: " + (head.host.empty() ? "localhost" : head.host) +
                             "\r\nConnection: close\r\n\r\n";
    const Scope scope(call_, call);
    MemoryStream stream(text);
    server_.Process(stream);

    if (call.entry != nullptr && route != nullptr) *route = &call.entry->path;
    if (call.failed) return InternalError();
    if (call.entry != nullptr) return std::move(call.answer);
    return call.parsed ? PlainResponse(404, "Not found\n") : PlainResponse(400, "Bad request\n");
  }

 private:
  struct Entry {
    std::string path;
    std::vector<std::string> segments;
    Handler handler;
    bool open;
  };

  // One Route(). The library's handlers have no argument of ours, so it is reached through call_.
  struct Call {
    const RequestHead& head;
    Caller caller;
    Target target;
    const Entry* entry = nullptr;
    bool parsed = false;
    bool failed = false;
    http::Answer answer = {};
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

  void Dispatch(const Entry& entry) {
    Call& call = *call_;
    try {
      Request request;
      // Whatever the matcher of this version makes of the pattern.
      if (!Match(entry.segments, call.target.segments, request.path_params)) return;
      call.entry = &entry;
      if (!entry.open && call.caller != Caller::kTrusted) {
        call.answer = Unauthorized(call.head.authorization);
        return;
      }
      request.params = std::move(call.target.params);
      request.trusted = call.caller == Caller::kTrusted;
      request.accept = call.head.accept;
      request.accept_encoding = call.head.accept_encoding;
      call.answer = entry.handler(request);
    } catch (...) {
      call.failed = true;
    }
  }

  static bool Match(const std::vector<std::string>& route, const std::vector<std::string>& segments,
                    std::vector<std::string>& params) {
    if (route.size() != segments.size()) return false;
    for (std::size_t i = 0; i < route.size(); ++i) {
      if (IsParameter(route[i]) && !segments[i].empty()) {
        params.push_back(segments[i]);
      } else if (route[i] != segments[i]) {
        return false;
      }
    }
    return true;
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

void Router::Open(const std::string& path) { library_->Open(path); }

Answer Router::Route(const RequestHead& head, Caller caller, const std::string** route) noexcept {
  if (route != nullptr) *route = nullptr;
  try {
    return library_->Route(head, caller, route);
  } catch (...) {
    return InternalError();
  }
}

}  // namespace pg_hello::http
