// The formats of /metrics, and which of them a client is answered in. Text 0.0.4 is for everybody
// who does not ask for another one.
//
// Sources: RFC 9110, sections 12.4.2 and 12.5.1 (Accept); prometheus/docs,
// docs/instrumenting/exposition_formats.md and content_negotiation.md (media types and parameters).
#ifndef PG_HELLO_EXPOSITION_FORMAT_H
#define PG_HELLO_EXPOSITION_FORMAT_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pg_hello::exposition {

enum class Format : std::uint8_t {
  kText,         // Prometheus text 0.0.4
  kOpenMetrics,  // OpenMetrics text 1.0.0
  kProtobuf,     // delimited io.prometheus.client.MetricFamily
};
inline constexpr std::size_t kFormatCount = 3;

// The value of the header Content-Type for a body in that format.
const char* ContentType(Format format);

// The format that the value of a request's Accept header likes best; several such headers count as
// one with commas between their values. Text if the value is empty, names nothing that is known or
// makes no sense: nobody is refused. Elements of the list that are malformed are passed over.
//
// What is liked equally well is decided by how exactly it is named (a type and its parameters, then
// type/*, then */*), then by the order in the header, then in favour of text. Parameters other than
// those that tell the formats apart are ignored, `escaping` too: all names here are the same in
// every escaping scheme. Any bytes are allowed; nothing is allocated, nothing fails.
Format ChooseFormat(std::string_view accept);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FORMAT_H
