// Patterns of names, as shells have them, with two wildcards only: brackets are part of function
// signatures.
#ifndef PG_HELLO_SELECTION_GLOB_H
#define PG_HELLO_SELECTION_GLOB_H

#include <cstddef>
#include <string_view>

namespace pg_hello::selection {

inline constexpr std::size_t kMaxGlobBytes = 512;

// Whether the whole of `text` (valid UTF-8) is what `pattern` describes: "*" stands for any
// characters or none, "?" for one, a backslash makes the next character mean itself, everything
// else means itself, case included. Allocates nothing, calls nothing of itself; its steps are at
// most the product of both lengths, whatever the pattern.
bool GlobMatches(std::string_view pattern, std::string_view text);

// Why the pattern is none, as the end of a sentence ("is empty"); null if it is one. May throw
// std::bad_alloc.
const char* GlobFault(std::string_view pattern);

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_GLOB_H
