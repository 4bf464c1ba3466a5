// Repairing and cutting text so that it is valid UTF-8. Apart from everything else because both
// ends need it: the shell when it captures names (from databases in any encoding, SQL_ASCII
// included), and the tests that hold the formats to it. One invalid byte in a label value makes
// Prometheus refuse the whole scrape.
//
// Source: The Unicode Standard, section 3.9, table 3-7 (well-formed sequences) and "Substitution of
// Maximal Subparts", which is also what the WHATWG encoding standard does.
#ifndef PG_HELLO_MEASURE_UTF8_H
#define PG_HELLO_MEASURE_UTF8_H

#include <cstddef>
#include <string>
#include <string_view>

namespace pg_hello::measure {

// `bytes` as valid UTF-8 without ASCII control characters other than LF: each maximal subpart of an
// ill-formed sequence, and each such control character (NUL and DEL too), becomes one U+FFFD.
// Control characters of C1 and everything else that is well formed stay. If `repaired` is not null,
// it is set to whether anything was replaced. Any bytes are allowed; throws std::bad_alloc only.
// The result is at most three times as long as `bytes`.
std::string ToValidUtf8(std::string_view bytes, bool* repaired);

// The largest length <= `max_bytes` at which `text`, which must be valid UTF-8, can be cut without
// splitting a code point. For other texts it is some length <= `max_bytes`. Never fails.
std::size_t Utf8CutLength(std::string_view text, std::size_t max_bytes);

}  // namespace pg_hello::measure

#endif  // PG_HELLO_MEASURE_UTF8_H
