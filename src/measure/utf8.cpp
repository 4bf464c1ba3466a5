// The decoder behind utf8.h, kept out of the header because the shell's files include that.
#include "pg_hello/measure/utf8.h"

namespace pg_hello::measure {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The sequence at the start of a text: well formed, or the maximal subpart of an ill-formed one.
struct Sequence {
  std::size_t length;
  bool well_formed;
};

Sequence FirstSequence(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {1, true};
  }
  // How many bytes follow, and between which bounds the first of them must be.
  std::size_t following = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    following = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    following = 2;
    low = lead == 0xE0 ? 0xA0 : low;    // not shorter than it looks
    high = lead == 0xED ? 0x9F : high;  // no surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    following = 3;
    low = lead == 0xF0 ? 0x90 : low;
    high = lead == 0xF4 ? 0x8F : high;  // nothing above U+10FFFF
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i <= following; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) {
      return {i, false};
    }
    low = 0x80;
    high = 0xBF;
  }
  return {following + 1, true};
}

bool IsUnwantedControl(char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7F; }

}  // namespace

std::string ToValidUtf8(std::string_view bytes, bool* repaired) {
  std::string text;
  text.reserve(bytes.size());
  bool replaced = false;
  while (!bytes.empty()) {
    const Sequence sequence = FirstSequence(bytes);
    if (sequence.well_formed && !IsUnwantedControl(bytes.front())) {
      text.append(bytes.substr(0, sequence.length));
    } else {
      text.append(kReplacement);
      replaced = true;
    }
    bytes.remove_prefix(sequence.length);
  }
  if (repaired != nullptr) {
    *repaired = replaced;
  }
  return text;
}

std::size_t Utf8CutLength(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) {
    return text.size();
  }
  std::size_t length = max_bytes;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) {
    --length;
  }
  return length;
}

}  // namespace pg_hello::measure
