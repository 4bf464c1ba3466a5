// Content codings: which one a client asks for, and gzip itself. It is only ever done on request
// and at zlib's lowest level: it costs many times what a body costs otherwise, and the levels above
// save little more.
//
// Source: RFC 9110, sections 8.4.1 (codings), 12.4.2 (q-values) and 12.5.3 (Accept-Encoding).
#ifndef PG_HELLO_HTTP_CONTENT_CODING_H
#define PG_HELLO_HTTP_CONTENT_CODING_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pg_hello::http {

enum class ContentCoding : std::uint8_t { kIdentity, kGzip };

// The coding for a request with this Accept-Encoding (several headers are one with commas between
// them); nothing if it accepts neither, which is answered with 406. gzip is taken if it is named,
// with a q-value that is not below identity's, or if identity is refused and "*" is not. Elements
// that are malformed are passed over. Any bytes are allowed; nothing is allocated, nothing fails.
std::optional<ContentCoding> ChooseCoding(std::string_view accept_encoding);

// A gzip stream (RFC 1952) made piece by piece. Holds about 270 kB. Not thread-safe.
class GzipEncoder {
 public:
  GzipEncoder();  // throws std::bad_alloc
  ~GzipEncoder();
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  // Encodes `text` and appends to `out` what there is of the stream; not all of what was given
  // need be in it yet. Throws std::bad_alloc only; the encoder is good for nothing then.
  void Add(std::string_view text, std::string& out);

  // Appends the rest. REQUIRES: nothing is called afterwards.
  void Finish(std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_CONTENT_CODING_H
