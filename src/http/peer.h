// Where a client comes from, as far as it matters for what it may take up.
#ifndef PG_HELLO_HTTP_PEER_H
#define PG_HELLO_HTTP_PEER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <cstring>

namespace pg_hello::http {

// An IPv4 address; of an IPv6 address the first half, for whoever has one has all of that network;
// or the Unix socket; or nobody knows.
struct Peer {
  int family = AF_UNSPEC;
  std::uint64_t network = 0;

  friend auto operator<=>(const Peer&, const Peer&) = default;
};

// Whether it is this machine, whose users all have the same address.
inline bool IsThisMachine(const Peer& peer) {
  constexpr std::uint64_t kFirstHalfOfLoopback6 = 0;
  if (peer.family == AF_INET) return (ntohl(static_cast<std::uint32_t>(peer.network)) >> 24) == 127;
  return peer.family == AF_UNIX ||
         (peer.family == AF_INET6 && peer.network == kFirstHalfOfLoopback6);
}

inline Peer PeerOf(const sockaddr_storage& address) {
  Peer peer;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    peer = {AF_INET, v4.sin_addr.s_addr};
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    peer.family = AF_INET6;
    std::memcpy(&peer.network, &v6.sin6_addr, sizeof(peer.network));
  } else if (address.ss_family == AF_UNIX) {
    peer.family = AF_UNIX;
  }
  return peer;
}

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_PEER_H
