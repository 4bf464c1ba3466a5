// What settings that are lists of patterns have in common.
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

// Where the first element of a list ends: at the first `separator` that neither a backslash stands
// before nor parentheses enclose, or at the end.
inline std::size_t FindElementEnd(std::string_view list, char separator) {
  const char sought[] = {'(', ')', separator};
  int depth = 0;
  std::size_t at = 0;
  for (;;) {
    const std::size_t found = FindPlain(list.substr(at), {sought, sizeof sought});
    if (found == std::string_view::npos) {
      return list.size();
    }
    at += found;
    if (list[at] == separator && depth == 0) {
      return at;
    }
    depth += list[at] == '(' ? 1 : list[at] == ')' && depth > 0 ? -1 : 0;
    ++at;
  }
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
