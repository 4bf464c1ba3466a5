// How the values of header fields are cut and compared: RFC 9110 sections 5.6.1 to 5.6.3. The
// locale has no say in it.
#ifndef PG_HELLO_HTTP_FIELD_TEXT_H
#define PG_HELLO_HTTP_FIELD_TEXT_H

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace pg_hello::http {

inline char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// `lower` is in lower case already.
inline bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(),
                                                   [](char a, char b) { return Lower(a) == b; });
}

inline std::string_view TrimWhitespace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts `text` at the first `separator`: returns what is before it and leaves what is after it.
// Without one, returns all and leaves nothing.
inline std::string_view TakeUntil(std::string_view& text, std::string_view separator) {
  const std::size_t at = text.find(separator);
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + separator.size());
  return before;
}

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_FIELD_TEXT_H
