// Apart from the reactor because an address has a life of its own: it may fail for hours and come
// back, with nobody connected.
#include "listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace pg_hello::http {
namespace {

constexpr int kBacklog = 511;
constexpr std::int64_t kFirstBackOffMs = 1'000;
constexpr std::int64_t kMaxBackOffMs = 60'000;

using Endpoint = Listener::Endpoint;

// Numeric addresses only: a name would need a resolver, which blocks. False if it is not one.
bool ParseAddress(const std::string& host, Endpoint& endpoint) {
  if (host.find(':') == std::string::npos) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return false;
    std::memcpy(&endpoint.address, &address, sizeof(address));
    endpoint.length = sizeof(address);
    return true;
  }
  // Not inet_pton(): this knows scopes ("fe80::1%eth0").
  addrinfo hints = {};
  hints.ai_family = AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return false;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

std::vector<Endpoint> Endpoints(const ListenAddress& wanted) {
  std::vector<Endpoint> endpoints;
  if (!wanted.unix_path.empty()) {
    endpoints.emplace_back().address.ss_family = AF_UNIX;
    return endpoints;
  }
  const std::string& host = wanted.host;
  std::vector<std::string> addresses = {host};
  if (host == "localhost") addresses = {"127.0.0.1", "::1"};
  if (host == "*") addresses = {"0.0.0.0", "::"};
  for (const std::string& address : addresses) {
    Endpoint endpoint;
    if (!ParseAddress(address, endpoint)) return {};
    endpoint.optional = !endpoints.empty();
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

void SetPort(Endpoint& endpoint, std::uint16_t port) {
  // The port is at the same place in both families' addresses.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  const std::uint16_t wire = htons(port);
  std::memcpy(reinterpret_cast<char*>(&endpoint.address) + offsetof(sockaddr_in, sin_port), &wire,
              sizeof(wire));
}

std::uint16_t GetPort(const sockaddr_storage& address) {
  std::uint16_t wire = 0;
  std::memcpy(&wire, reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port),
              sizeof(wire));
  return ntohs(wire);
}

std::string ToText(const sockaddr_storage& address, socklen_t length) {
  char host[NI_MAXHOST] = "?";
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof(host), nullptr, 0,
              NI_NUMERICHOST);
  const std::string port = std::to_string(GetPort(address));
  return address.ss_family == AF_INET6 ? "[" + std::string(host) + "]:" + port
                                       : host + (":" + port);
}

// 0 or errno, with endpoint.error to say it.
int OpenUnixEndpoint(Endpoint& endpoint, const ListenAddress& wanted, std::uint64_t id,
                     const Listener::Watch& watch) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  UnixSocketFile file;
  const char* detail = nullptr;
  int failure = socket ? 0 : errno;
  if (failure == 0) failure = file.Bind(socket.get(), wanted.unix_path, wanted.unix_mode, detail);
  if (failure == 0 && listen(socket.get(), kBacklog) != 0) failure = errno;
  if (failure == 0) failure = watch(socket.get(), id);
  if (failure != 0) {
    endpoint.error = "could not bind Unix socket \"" + wanted.unix_path +
                     "\": " + std::generic_category().message(failure);
    if (detail != nullptr) endpoint.error += std::string(" (") + detail + ")";
    return failure;
  }
  endpoint.bound = "unix:" + wanted.unix_path;
  endpoint.error.clear();
  endpoint.socket = std::move(socket);
  endpoint.file = std::move(file);
  return 0;
}

// 0 or errno.
int OpenSocket(const Endpoint& endpoint, Descriptor& out) {
  const int family = endpoint.address.ss_family;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const int on = 1;
  // Never SO_REUSEPORT: two servers would share the port and the scrapes without an error.
  if (setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return errno;
  if (family == AF_INET6 &&
      setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) {
    return errno;
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&endpoint.address);
  if (bind(socket.get(), address, endpoint.length) != 0) return errno;
  if (listen(socket.get(), kBacklog) != 0) return errno;
  out = std::move(socket);
  return 0;
}

// 0 or errno, with endpoint.error to say it.
int OpenEndpoint(Endpoint& endpoint, std::uint16_t port, std::uint64_t id,
                 const Listener::Watch& watch) {
  SetPort(endpoint, port);
  Descriptor socket;
  sockaddr_storage actual = {};
  socklen_t length = sizeof(actual);
  int failure = OpenSocket(endpoint, socket);
  if (failure == 0 &&
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&actual), &length) != 0) {
    failure = errno;
  }
  if (failure == 0) failure = watch(socket.get(), id);
  if (failure != 0) {
    endpoint.error = "could not bind " + ToText(endpoint.address, endpoint.length) + ": " +
                     std::generic_category().message(failure);
    return failure;
  }
  endpoint.bound = ToText(actual, length);
  endpoint.port = GetPort(actual);
  endpoint.error.clear();
  endpoint.socket = std::move(socket);
  return 0;
}

void AppendTo(std::string& list, const char* separator, const std::string& text) {
  if (text.empty()) return;
  if (!list.empty()) list += separator;
  list += text;
}

}  // namespace

bool IsLocal(const ListenAddress& address) {
  if (!address.unix_path.empty() || address.host == "localhost") return true;
  Endpoint endpoint;
  if (!ParseAddress(address.host, endpoint)) return false;
  if (endpoint.address.ss_family == AF_INET6) {
    sockaddr_in6 v6 = {};
    std::memcpy(&v6, &endpoint.address, sizeof(v6));
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  }
  sockaddr_in v4 = {};
  std::memcpy(&v4, &endpoint.address, sizeof(v4));
  return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

Listener::Listener(ListenAddress wanted, std::uint64_t id)
    : wanted_(std::move(wanted)),
      id_(id),
      endpoints_(Endpoints(wanted_)),
      back_off_ms_(kFirstBackOffMs) {
  if (endpoints_.empty()) {
    unusable_ = "could not listen on \"" + wanted_.host +
                "\": neither an IP address, \"localhost\" nor \"*\"";
  }
}

int Listener::Open(std::int64_t now_ms, std::uint16_t port, const Watch& watch) {
  retry_at_ms_ = now_ms + back_off_ms_;  // first, so that it holds even if something below throws
  refused_.clear();
  int failures = 0;
  std::erase_if(endpoints_, [&](Endpoint& endpoint) {
    if (endpoint.socket) return false;
    std::uint16_t wish = wanted_.port;
    if (wish == 0) wish = port != 0 ? port : this->port();
    const int failure = wanted_.unix_path.empty() ? OpenEndpoint(endpoint, wish, id_, watch)
                                                  : OpenUnixEndpoint(endpoint, wanted_, id_, watch);
    if (failure == 0) return false;
    if (endpoint.optional && (failure == EAFNOSUPPORT || failure == EADDRNOTAVAIL)) return true;
    ++failures;
    return false;
  });
  if (failures == 0) {
    RestartBackOff();
    retry_at_ms_ = kNever;
  } else {
    back_off_ms_ = std::min(back_off_ms_ * 2, kMaxBackOffMs);
  }
  return failures;
}

void Listener::Refuse(const std::string& reason) {
  retry_at_ms_ = kNever;
  for (Endpoint& endpoint : endpoints_) endpoint.error.clear();
  refused_ = reason;
}

void Listener::RestartBackOff() { back_off_ms_ = kFirstBackOffMs; }

std::uint16_t Listener::port() const {
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.socket) return endpoint.port;
  }
  return 0;
}

ListenerState Listener::state() const {
  ListenerState state;
  state.wanted = wanted_;
  state.port = port();
  state.error = unusable_;
  state.retried = retry_at_ms_ != kNever;
  AppendTo(state.error, "; ", refused_);
  for (const Endpoint& endpoint : endpoints_) {
    AppendTo(state.bound, ", ", endpoint.bound);
    AppendTo(state.error, "; ", endpoint.error);
  }
  return state;
}

}  // namespace pg_hello::http
