// Kept apart from function_pattern.cpp: a name has no parts, and its parentheses mean nothing.
#include "pg_hello/selection/name_list.h"

#include <algorithm>

#include "pg_hello/selection/glob.h"
#include "pg_hello/selection/list_scanner.h"

namespace pg_hello::selection {

bool NameList::Matches(std::string_view name) const {
  return std::any_of(globs.begin(), globs.end(),
                     [name](const std::string& glob) { return GlobMatches(glob, name); });
}

NameList ParseNames(std::string_view list) {
  NameList parsed;
  if (WithoutBlanksAround(list).empty()) {
    return parsed;
  }
  for (;;) {
    const std::size_t end = std::min(FindPlain(list, ","), list.size());
    const std::string_view glob = WithoutBlanksAround(list.substr(0, end));
    if (glob.empty()) {
      parsed.fault = "List of names has an empty element.";
    } else if (const char* fault = GlobFault(glob)) {
      parsed.fault = "The name \"" + std::string(glob) + "\" " + fault + ".";
    }
    if (!parsed.fault.empty()) {
      parsed.globs.clear();
      return parsed;
    }
    parsed.globs.emplace_back(glob);
    if (end == list.size()) {
      return parsed;
    }
    list.remove_prefix(end + 1);
  }
}

}  // namespace pg_hello::selection
