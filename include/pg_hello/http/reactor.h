// The HTTP server as a reactor: non-blocking sockets in one epoll set, driven by its owner's main
// loop. No thread, no signal, no blocking call; the owner waits on epoll_fd() together with
// whatever else it waits for and calls Poll().
//
// Every resource has a bound. A connection's input buffer holds at most one head (kMaxHeadBytes),
// its output one response body that it shares with others; with TLS, OpenSSL holds a record each
// way. Every state has an absolute deadline, which bytes that drip in do not move. When all places
// or descriptors are taken, who has most connections gives up one in favour of the new one: that
// which has been waiting longest without a complete request, or else whose client has been taking
// nothing of its response for longest. Who has all that one peer may have gives up one of its own.
// Who comes while all are being answered waits in the system's backlog. A job that wants room ends
// the response that nobody takes anything of.
//
// Nothing holds the loop: one Poll() answers a few requests, works for one slice at the jobs that
// make long responses, one job after the other in the order in which they were asked for, and
// writes a few megabytes. A request that waits for a job has its deadline like any other; a client
// that resets the connection or ends its side meanwhile has left, and a job for which nobody waits
// any more is dropped.
//
// All times are milliseconds of a monotonic clock, given by the caller, so that tests decide what
// time it is. Not thread-safe.
#ifndef PG_HELLO_HTTP_REACTOR_H
#define PG_HELLO_HTTP_REACTOR_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pg_hello/http/access.h"
#include "pg_hello/http/router.h"

namespace pg_hello::http {

struct Limits {
  int max_connections = 256;
  // Of one IPv4 address or one IPv6 network (/64) that is not this machine's.
  int max_connections_of_peer = 192;
  std::int64_t head_ms = 5'000;       // accept or first byte of a request -> complete head
  std::int64_t idle_ms = 75'000;      // between two requests of one connection
  std::int64_t response_ms = 30'000;  // complete head -> last byte sent
  std::int64_t slice_us = 5'000;      // of jobs in one Poll(); the step that is under way is ended
};

// Whether this build has TLS.
#ifdef PG_HELLO_TLS
inline constexpr bool kHasTls = true;
#else
inline constexpr bool kHasTls = false;
#endif

// One address to listen on. `host` is an IPv4 or IPv6 address, "localhost", or "*" (every address
// of both families).
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  // 0: the system chooses
  bool tls = false;        // HTTPS, and never anything else

  // Not empty: a Unix socket at this path, at most as open as `unix_mode` says, and none of the
  // above. Who may open it needs no token, and is not asked for a Host.
  std::string unix_path = {};
  std::uint32_t unix_mode = 0700;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Whether only this machine's own users can reach it.
bool IsLocal(const ListenAddress& address);

// PEM files of a server that speaks TLS.
struct TlsFiles {
  std::string certificate;  // the server's own first, then what leads to the root
  std::string key;  // without a passphrase; of the process' user and 0600, or of root and 0640
  std::string client_ca;  // who must have signed clients' certificates; empty: they need none
};

// What became of one address. "localhost" and "*" have two sockets: `bound` then names both, and if
// only one could be bound, `error` says so of the other (unless the machine merely has no IPv6).
struct ListenerState {
  ListenAddress wanted;
  std::string bound;       // "127.0.0.1:9797", "127.0.0.1:9797, [::1]:9797" or "unix:/path"; empty
                           // if not bound
  std::uint16_t port = 0;  // the port in use, 0 if not bound
  std::string error;       // why not; empty if bound
  bool retried = false;    // Poll() will try again; otherwise only Listen() does
};

class Reactor {
 public:
  // Called once for each response, as it begins to be sent (or for a request that is refused).
  // `path` is the path of a route, or "other". It should not throw: the connection is closed then.
  using Observer = std::function<void(const std::string& path, int status)>;

  // Microseconds of a monotonic clock, to end slices by.
  using SliceClock = std::function<std::int64_t()>;

  // Without a `clock`, the system's is used. Throws std::system_error if the system has no epoll
  // set for it.
  Reactor(std::unique_ptr<Router> router, Limits limits, Observer observer,
          SliceClock clock = nullptr);
  ~Reactor();  // closes everything at once
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Readable whenever a socket has something for Poll() to do. Owned by the reactor.
  int epoll_fd() const;

  // Takes the files for connections that come to addresses with `tls` from now on; those that are
  // here go on with what they have. Empty if that went well, otherwise the reason, in which nothing
  // of the files' contents appears: what was in use stays in use. Reads regular files of at most
  // 1 MiB. What it took is forgotten when Listen() is given no address with `tls`. The process must
  // ignore SIGPIPE. Throws std::bad_alloc only.
  std::string LoadTls(const TlsFiles& files);
  bool has_tls() const;  // LoadTls() went well, and it is not forgotten
  // When the first of the certificates in use expires that clients are shown, seconds since the
  // Unix epoch; 0 without TLS.
  std::int64_t certificates_expire_at_s() const;

  // Lets in who keeps to these rules, from the next request on; until then, who calls the server
  // "localhost" or by an IP address. Empty if that went well, otherwise why the token's file cannot
  // be used, with nothing of its contents: the token that was in use stays in use; if there was
  // none, there is an answer on open paths only. Throws std::bad_alloc, and has not let in more
  // then.
  std::string SetAccess(const AccessRules& rules);
  bool has_token() const;  // a token is asked for, and there is a right one

  // From now on, listen on exactly these addresses: listeners that are no longer wanted are closed
  // first (their idle connections too; requests under way are finished), those already open stay,
  // the others are opened. A bind that fails is tried again after 1 s, then 2 s, doubling to 60 s.
  // With port 0, the port that the first address got is asked for on the others as well.
  // SO_REUSEADDR only: a port that another server listens on is an error. An address with `tls` is
  // not bound as long as LoadTls() has failed; its error says so, and the next Listen() tries
  // again.
  void Listen(const std::vector<ListenAddress>& addresses, std::int64_t now_ms);

  // The state of each wanted address; changes only in Listen() and Poll().
  std::vector<ListenerState> listeners() const;

  // Failed attempts to bind since construction.
  std::uint64_t bind_failures() const;

  // Accepts, reads, answers, writes, expires, retries: everything that is due. Never blocks and
  // never throws; what cannot be allocated closes the connection that needed it.
  void Poll(std::int64_t now_ms) noexcept;

  // Milliseconds until Poll() has a deadline to see to, at most `at_most`; 0 while there is a job.
  std::int64_t TimeoutMs(std::int64_t now_ms, std::int64_t at_most) const;

  int connections() const;

  // Connections that were closed at once, since construction, because all of their
  // client's places were being served.
  std::uint64_t connections_refused() const;

  // Requests that are being answered: complete, and not all of the response is sent.
  int requests_in_flight() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_REACTOR_H
