// What a request chooses of what is there: ?datname=, ?schema=, ?function=, each a glob, each any
// number of times. One of the same name suffices, and each name that is used must be satisfied.
#ifndef PG_HELLO_SELECTION_FILTER_H
#define PG_HELLO_SELECTION_FILTER_H

#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/selection/function_pattern.h"

namespace pg_hello::selection {

class Filter {
 public:
  // Adds a query parameter if it is one of the above; what is not is none of its business. False if
  // the value is no glob; then `*fault` says why, as the end of a sentence ("is empty") that a
  // client may be told. May throw std::bad_alloc.
  bool Add(std::string_view parameter, std::string_view value, const char** fault);

  // True of every function if nothing was added.
  bool Matches(const FunctionName& name) const;
  // Whether it matches whatever the name is.
  bool MatchesAll() const { return datnames_.empty() && schemas_.empty() && functions_.empty(); }

 private:
  std::vector<std::string> datnames_;
  std::vector<std::string> schemas_;
  std::vector<std::string> functions_;
};

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_FILTER_H
