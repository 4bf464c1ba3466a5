// What lists of patterns have in common.
#ifndef PG_HELLO_SELECTION_LIST_SCANNER_H
#define PG_HELLO_SELECTION_LIST_SCANNER_H

#include <cstddef>
#include <string_view>

namespace pg_hello::selection {

// Where the first of `characters` stands that no backslash stands before; npos if nowhere.
inline std::size_t FindPlain(std::string_view text, std::string_view characters) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (characters.find(text[i]) != std::string_view::npos) {
      return i;
    }
  }
  return std::string_view::npos;
}

inline std::string_view WithoutBlanksAround(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_LIST_SCANNER_H
