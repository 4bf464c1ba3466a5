// Keeps the functions' series apart. Apart from the walk because it has to know all names before
// the first one is used.
#ifndef PG_HELLO_EXPOSITION_UNIQUE_NAMES_H
#define PG_HELLO_EXPOSITION_UNIQUE_NAMES_H

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Names can be equal for a while: a function was renamed, has not been called since, and another
// one has the old name now; or a function was made, called and rolled back. The one with the lowest
// oid, which is the oldest, keeps the name, so that nothing that comes later takes a series away or
// changes it: neither a new function nor the reuse of a row nor a restart. The others have
// "~<funcid>" after theirs and, if that is taken too, "~2", "~3", ... after it.
class UniqueNames {
 public:
  // About 0.2 us for each function. Throws std::bad_alloc, and
  // std::out_of_range if a function's database is not in the snapshot.
  explicit UniqueNames(const snapshot::Snapshot& snapshot);

  // The value of the label `function` for a function of the snapshot, or of one with the same
  // names, and its place there. No two functions with the same datname and schema have the same
  // one. Good while both, this object and the function's names, are there.
  std::string_view Function(const snapshot::FunctionStats& stats, std::size_t index) const;

 private:
  std::unordered_map<std::size_t, std::string> marked_;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_UNIQUE_NAMES_H
