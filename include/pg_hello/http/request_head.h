// A strict parser of HTTP/1.0 and 1.1 request heads, before any library sees a byte of them. What
// it does not accept is answered with a status and the connection is closed.
//
// Source of the grammar: RFC 9112 (message syntax) and RFC 9110 section 5 (fields), read strictly:
// no obs-fold, no bare LF or CR, no whitespace before the colon, no control characters, one Host
// (required in HTTP/1.1), absolute path ("origin-form") only, no body of any kind. One thing is
// taken that RFC 3986 does not allow: "[" and "]" in a query, because everybody writes "?name[]=".
#ifndef PG_HELLO_HTTP_REQUEST_HEAD_H
#define PG_HELLO_HTTP_REQUEST_HEAD_H

#include <cstddef>
#include <string>
#include <string_view>

namespace pg_hello::http {

inline constexpr std::size_t kMaxHeadBytes = std::size_t{8} * 1024;
inline constexpr std::size_t kMaxPathBytes = 256;     // the path, without the query
inline constexpr std::size_t kMaxTargetBytes = 2048;  // path and query
inline constexpr std::size_t kMaxFields = 64;

struct RequestHead {
  std::string method;  // "GET" or "HEAD" if status == 0
  std::string target;  // path and query as sent, still encoded
  std::string host;
  std::string accept;
  std::string accept_encoding;
  std::string authorization;
  bool keep_alive = false;  // the client allows another request on this connection
};

// What FindHeadEnd and ParseHead found.
struct HeadResult {
  // 0: `head` is good. Otherwise the status to answer with: 400 malformed, 405 method, 413 body
  // announced, 414 path or target too long, 417 Expect, 431 too many or too long fields, 501
  // transfer coding, 505 version.
  int status = 0;
  // What is wrong, as a sentence for who sent it; null if the status says it all.
  const char* reason = nullptr;
  RequestHead head;
};

// Bytes of the head in `buffer` including the empty line, or 0 if it is not complete yet.
std::size_t FindHeadEnd(std::string_view buffer);

// Parses one whole head (as delimited by FindHeadEnd).
HeadResult ParseHead(std::string_view head);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_REQUEST_HEAD_H
