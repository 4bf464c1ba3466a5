// What looks like a secret in a text.
#include <algorithm>
#include <array>
#include <cctype>

#include "ctl/bundle.h"

namespace pg_hello::ctl {
namespace {

constexpr std::array<std::string_view, 7> kWords = {"password", "passwd", "pwd",   "passphrase",
                                                    "secret",   "token",  "bearer"};
constexpr std::string_view kMask = "***";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t SkipSpace(std::string_view text, std::size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// The end of a value that begins at `at`: of what is between quotes, else of the word.
std::size_t ValueEnd(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote != '\'' && quote != '"') {
    while (at < text.size() && !IsSpace(text[at]) && text[at] != '&') {
      at += text[at] == '\\' && at + 1 < text.size() ? 2 : 1;  // libpq's way to write a blank
    }
    return at;
  }
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (at + 1 >= text.size() || text[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return text.size();
}

// Where the value begins of a word that ends at `at`; npos if none follows.
std::size_t ValueBegin(std::string_view text, std::size_t at, bool bearer) {
  std::size_t next = at;
  if (next < text.size() && text[next] == '"') ++next;  // as JSON writes a name
  next = SkipSpace(text, next);
  if (next >= text.size()) return text.npos;
  if (text[next] == '=' || text[next] == ':') {
    next = SkipSpace(text, next + 1);
    return next < text.size() ? next : text.npos;
  }
  if (text[next] == '\'') return next;
  return bearer && next > at ? next : text.npos;
}

// The password of "scheme://user:password@host", if one begins at `at`: its bounds.
std::pair<std::size_t, std::size_t> UriPassword(std::string_view text, std::size_t at) {
  std::size_t end = at + 3;
  while (end < text.size() && !IsSpace(text[end]) && text[end] != '/') ++end;
  const std::string_view authority = text.substr(at + 3, end - at - 3);
  const std::size_t sign = authority.rfind('@');
  const std::size_t colon = authority.find(':');
  if (sign == authority.npos || colon == authority.npos || colon > sign) return {0, 0};
  return {at + 3 + colon + 1, at + 3 + sign};
}

}  // namespace

std::string WithoutSecrets(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string clean;
  std::size_t at = 0;
  const auto mask = [&](std::size_t begin, std::size_t end) {
    clean += text.substr(at, begin - at);
    clean += kMask;
    at = end;
  };
  while (at < text.size()) {
    if (text.substr(at, 3) == "://") {
      if (const auto [begin, end] = UriPassword(text, at); end > begin) {
        mask(begin, end);
        continue;
      }
    }
    const auto word = std::find_if(kWords.begin(), kWords.end(), [&](std::string_view candidate) {
      return std::string_view(lower).substr(at).starts_with(candidate);
    });
    if (word != kWords.end()) {
      const std::size_t begin = ValueBegin(text, at + word->size(), *word == "bearer");
      if (begin != text.npos) {
        mask(begin, ValueEnd(text, begin));
        continue;
      }
    }
    clean += text[at++];
  }
  return clean;
}

}  // namespace pg_hello::ctl
