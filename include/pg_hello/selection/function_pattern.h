// Patterns that functions are chosen by: pg_hello.metrics_pinned and the filters of requests.
//
//   list     = [ pattern { "," pattern } ]      blanks around a pattern are not part of it
//   pattern  = [ datname ":" ] schema "." function
//
// Each part is a glob (glob.h). The schema ends at the first ".", the datname at a ":" before that;
// in the function, which is compared with the identity signature ("transfer(integer,numeric)"),
// dots, colons and, inside parentheses, commas and blanks are its own. A function without "(" has
// any arguments. A backslash makes any of these characters part of a name ("?" does for a blank).
#ifndef PG_HELLO_SELECTION_FUNCTION_PATTERN_H
#define PG_HELLO_SELECTION_FUNCTION_PATTERN_H

#include <string>
#include <string_view>
#include <vector>

namespace pg_hello::selection {

// Views of texts in UTF-8.
struct FunctionName {
  std::string_view datname;
  std::string_view schema;
  std::string_view function;  // identity signature
};

// A glob for identity signatures: `pattern`, with any arguments if it says nothing of them.
std::string FunctionGlob(std::string_view pattern);

struct FunctionPattern {
  std::string datname;  // three globs
  std::string schema;
  std::string function;

  bool Matches(const FunctionName& name) const;
};

struct PatternList {
  std::vector<FunctionPattern> patterns;

  bool Matches(const FunctionName& name) const;  // any of them
};

struct ParsedPatterns {
  PatternList list;
  std::string fault;  // a sentence that says what is wrong; empty if nothing is
};

// May throw std::bad_alloc.
ParsedPatterns ParsePatterns(std::string_view list);

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_FUNCTION_PATTERN_H
