// Of several stars only the last one met can still be wrong about how much it stands for: taking
// more for an earlier one could only leave less for what comes after it. So there is one place to
// go back to, not a tree of them.
#include "pg_hello/selection/glob.h"

#include "pg_hello/measure/utf8.h"

namespace pg_hello::selection {

namespace {

// Bytes of the character that begins at `at`.
std::size_t CharacterLength(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    ++end;
  }
  return end - at;
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t after_star = kNone;  // in the pattern
  std::size_t star_end = 0;        // in the text, of what the star stands for
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_end = t;
      continue;
    }
    if (p == pattern.size() && t == text.size()) {
      return true;
    }
    if (p < pattern.size() && t < text.size()) {
      const bool escaped = pattern[p] == '\\' && p + 1 < pattern.size();
      if (!escaped && pattern[p] == '?') {
        ++p;
        t += CharacterLength(text, t);
        continue;
      }
      if (pattern[escaped ? p + 1 : p] == text[t]) {
        p += escaped ? 2 : 1;
        ++t;
        continue;
      }
    }
    if (after_star == kNone || star_end == text.size()) {
      return false;
    }
    star_end += CharacterLength(text, star_end);
    p = after_star;
    t = star_end;
  }
}

const char* GlobFault(std::string_view pattern) {
  if (pattern.empty()) {
    return "is empty";
  }
  if (pattern.size() > kMaxGlobBytes) {
    return "is longer than 512 bytes";
  }
  bool repaired = false;
  measure::ToValidUtf8(pattern, &repaired);
  if (repaired) {
    return "is not valid UTF-8, or has control characters";
  }
  std::size_t backslashes = 0;
  while (backslashes < pattern.size() && pattern[pattern.size() - 1 - backslashes] == '\\') {
    ++backslashes;
  }
  return backslashes % 2 == 0 ? nullptr : "ends with a backslash";
}

}  // namespace pg_hello::selection
