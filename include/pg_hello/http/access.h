// Who is answered, as the settings say it.
#ifndef PG_HELLO_HTTP_ACCESS_H
#define PG_HELLO_HTTP_ACCESS_H

#include <string>
#include <vector>

namespace pg_hello::http {

struct AccessRules {
  // Names by which clients may call this server, besides "localhost" and IP addresses; "*" stands
  // for any. A web page that had its own name resolved to this server's address (DNS rebinding)
  // asks under that name, and is refused.
  std::vector<std::string> hosts;

  // The file with the token that clients must show (RFC 6750), with the owner and permissions of a
  // private key. Empty: they need none.
  std::string token_file;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_ACCESS_H
