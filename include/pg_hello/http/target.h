// The target of a request, decoded: path segments and query parameters.
//
// Source: RFC 3986 sections 2.1 and 3.3 (percent-encoding, segments); the query as
// application/x-www-form-urlencoded, which is what Prometheus and browsers send.
#ifndef PG_HELLO_HTTP_TARGET_H
#define PG_HELLO_HTTP_TARGET_H

#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/http/message.h"

namespace pg_hello::http {

// Decoded values are any bytes, also NUL. As the target is bounded (request_head.h), so are they.
struct Target {
  // What stands between the slashes, each decoded on its own: an encoded slash separates nothing.
  // "/" is one empty segment.
  std::vector<std::string> segments;
  Params params;  // in the order in which they were sent, repetitions too
};

// REQUIRES: `target` is one that ParseHead accepts. Throws std::bad_alloc only.
Target DecodeTarget(std::string_view target);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_TARGET_H
