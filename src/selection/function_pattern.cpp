#include "pg_hello/selection/function_pattern.h"

#include <algorithm>
#include <utility>

#include "pg_hello/selection/glob.h"
#include "pg_hello/selection/list_scanner.h"

namespace pg_hello::selection {

namespace {

constexpr auto kNone = std::string_view::npos;

std::string Quoted(std::string_view pattern) { return "\"" + std::string(pattern) + "\""; }

// Empty if all is well.
std::string ParseOne(std::string_view text, FunctionPattern* pattern) {
  if (text.empty()) {
    return "List of patterns has an empty element.";
  }
  std::size_t separator = FindPlain(text, ":.");
  std::string_view rest = text;
  pattern->datname = "*";
  if (separator != kNone && text[separator] == ':') {
    pattern->datname = text.substr(0, separator);
    rest.remove_prefix(separator + 1);
    separator = FindPlain(rest, ".");
  }
  if (separator == kNone) {
    return "Pattern " + Quoted(text) + " has no schema: write \"schema.function\".";
  }
  pattern->schema = rest.substr(0, separator);
  const std::string_view function = rest.substr(separator + 1);
  for (const auto& [part, name] :
       {std::pair<std::string_view, const char*>{pattern->datname, "database name"},
        {pattern->schema, "schema"},
        {function, "function"}}) {
    if (const char* fault = GlobFault(part)) {
      return std::string("The ") + name + " of pattern " + Quoted(text) + " " + fault + ".";
    }
  }
  pattern->function = FunctionGlob(function);
  return {};
}

}  // namespace

std::string FunctionGlob(std::string_view pattern) {
  std::string glob(pattern);
  if (FindPlain(pattern, "(") == kNone) {
    glob += "(*";
  }
  return glob;
}

bool FunctionPattern::Matches(const FunctionName& name) const {
  return GlobMatches(schema, name.schema) && GlobMatches(function, name.function) &&
         GlobMatches(datname, name.datname);
}

bool PatternList::Matches(const FunctionName& name) const {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&name](const FunctionPattern& pattern) { return pattern.Matches(name); });
}

ParsedPatterns ParsePatterns(std::string_view list) {
  ParsedPatterns parsed;
  if (WithoutBlanksAround(list).empty()) {
    return parsed;
  }
  for (;;) {
    const std::size_t end = FindElementEnd(list, ',');
    FunctionPattern pattern;
    parsed.fault = ParseOne(WithoutBlanksAround(list.substr(0, end)), &pattern);
    if (!parsed.fault.empty()) {
      parsed.list.patterns.clear();
      return parsed;
    }
    parsed.list.patterns.push_back(std::move(pattern));
    if (end == list.size()) {
      return parsed;
    }
    list.remove_prefix(end + 1);
  }
}

}  // namespace pg_hello::selection
