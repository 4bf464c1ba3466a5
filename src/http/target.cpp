// Ours, because the library puts parameters into an order of its own and decodes a path before it
// is cut into segments.
#include "pg_hello/http/target.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace pg_hello::http {
namespace {

unsigned HexValue(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

std::string Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return decoded;
}

// Calls `take` with each part of `text` between `separator`s: one more than there are separators.
template <typename Take>
void Split(std::string_view text, char separator, Take&& take) {
  while (true) {
    const std::size_t end = text.find(separator);
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Target DecodeTarget(std::string_view target) {
  Target decoded;
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  path.remove_prefix(std::min<std::size_t>(path.size(), 1));
  Split(path, '/',
        [&](std::string_view segment) { decoded.segments.push_back(Decode(segment, false)); });
  if (question == std::string_view::npos) return decoded;
  Split(target.substr(question + 1), '&', [&](std::string_view pair) {
    if (pair.empty()) return;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    decoded.params.emplace_back(Decode(pair.substr(0, equals), true),
                                Decode(pair.substr(std::min(equals + 1, pair.size())), true));
  });
  return decoded;
}

}  // namespace pg_hello::http
