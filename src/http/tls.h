// TLS for the server's side of a connection: a certificate with its key, and transports that use
// them. OpenSSL stays behind this header. Compiled only with the build option `tls`.
//
// TLS 1.2 and 1.3, forward secrecy and authenticated encryption only; no compression, no
// renegotiation, no session resumption: whoever connects after a change of the certificates meets
// the new ones. OpenSSL writes to the socket by itself, so the process must ignore SIGPIPE.
#ifndef PG_HELLO_HTTP_TLS_H
#define PG_HELLO_HTTP_TLS_H

#include <cstdint>
#include <memory>
#include <string>

#include "pg_hello/http/reactor.h"
#include "transport.h"

struct ssl_ctx_st;

namespace pg_hello::http {

class TlsContext {
 public:
  // Reads and checks the files, and nothing else than regular files, so that it does not block.
  // Null if they cannot be used; `error` then says why and holds nothing of their contents. Throws
  // std::bad_alloc only. Must not be called by several threads at once, as everything here.
  static std::unique_ptr<TlsContext> Load(const TlsFiles& files, std::string& error);

  // When the first of the server's own certificate and those that lead from it to the root expires,
  // seconds since the Unix epoch.
  std::int64_t expires_at_s() const { return expires_at_s_; }

  // A transport for `socket`, non-blocking, which stays its user's. It shakes hands when it is
  // first read from, and outlives this object if need be. Throws std::bad_alloc if there is no
  // memory.
  std::unique_ptr<Transport> Accept(int socket) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;

  TlsContext(Handle context, std::int64_t expires_at_s) noexcept
      : context_(std::move(context)), expires_at_s_(expires_at_s) {}

  Handle context_;
  std::int64_t expires_at_s_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_TLS_H
