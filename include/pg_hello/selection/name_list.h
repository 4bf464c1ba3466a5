// Lists of names with wildcards: pg_hello.probe_databases.
//
//   list = [ glob { "," glob } ]      blanks around a glob are not part of it
//
// A backslash makes a comma part of a name; see glob.h for the rest.
#ifndef PG_HELLO_SELECTION_NAME_LIST_H
#define PG_HELLO_SELECTION_NAME_LIST_H

#include <string>
#include <string_view>
#include <vector>

namespace pg_hello::selection {

struct NameList {
  std::vector<std::string> globs;
  std::string fault;  // a sentence that says what is wrong with the list; empty if nothing is

  bool Matches(std::string_view name) const;  // any of them
};

// May throw std::bad_alloc.
NameList ParseNames(std::string_view list);

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_NAME_LIST_H
