// UTF-8 once more, by arithmetic instead of by tables: what measure/utf8.h is compared with.
#ifndef PG_HELLO_TEST_FUZZ_UTF8_REFERENCE_H
#define PG_HELLO_TEST_FUZZ_UTF8_REFERENCE_H

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pg_hello::fuzz {

// Whether `bytes` are one code point, encoded as shortly as it can be.
inline bool IsCodePoint(std::string_view bytes) {
  const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() == 1) {
    return byte(0) < 0x80;
  }
  if (bytes.size() < 2 || bytes.size() > 4) {
    return false;
  }
  const auto lead_bits = static_cast<unsigned>(7 - bytes.size());
  const auto lead_mark = 0xFFU & (0xF00U >> bytes.size());  // as many ones as there are bytes
  if ((byte(0) & ~((1U << lead_bits) - 1)) != lead_mark) {
    return false;
  }
  std::uint32_t code = byte(0) & ((1U << lead_bits) - 1);
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return false;
    }
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  return code >= kSmallest[bytes.size()] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

// Of the code point at the start of `text`; 0 if there is none.
inline std::size_t CodePointLength(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    if (IsCodePoint(text.substr(0, length))) {
      return length;
    }
  }
  return 0;
}

inline bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = CodePointLength(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

// Whether a code point begins with `bytes` and goes on, found by trying.
inline bool BeginsCodePoint(std::string_view bytes) {
  for (std::size_t length = bytes.size() + 1; length <= 4; ++length) {
    for (const char next : {'\x80', '\x8F', '\x90', '\x9F', '\xA0', '\xBF'}) {
      std::string whole(bytes);
      whole.push_back(next);
      whole.resize(length, '\x80');
      if (IsCodePoint(whole)) {
        return true;
      }
    }
  }
  return false;
}

// "Substitution of Maximal Subparts", and control characters other than LF replaced.
inline std::string Repaired(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    std::size_t length = CodePointLength(bytes);
    const bool control =
        length == 1 && ((bytes[0] < ' ' && bytes[0] != '\n') || bytes[0] == '\x7f');
    if (length != 0 && !control) {
      text.append(bytes.substr(0, length));
    } else {
      text.append("\uFFFD");
      length = std::max<std::size_t>(length, 1);
      while (!control && length < bytes.size() && BeginsCodePoint(bytes.substr(0, length + 1))) {
        ++length;
      }
    }
    bytes.remove_prefix(length);
  }
  return text;
}

}  // namespace pg_hello::fuzz

#endif  // PG_HELLO_TEST_FUZZ_UTF8_REFERENCE_H
