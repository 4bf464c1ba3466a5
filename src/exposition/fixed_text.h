// Reading the arrays of characters in which a snapshot has its names.
#ifndef PG_HELLO_EXPOSITION_FIXED_TEXT_H
#define PG_HELLO_EXPOSITION_FIXED_TEXT_H

#include <cstddef>
#include <cstring>
#include <string_view>

namespace pg_hello::exposition {

// The text in an array that should end with a NUL; if it does not, all of the array.
template <std::size_t kSize>
std::string_view TextOf(const char (&text)[kSize]) {
  return {text, strnlen(text, kSize)};
}

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FIXED_TEXT_H
