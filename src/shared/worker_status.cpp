// The mapping of what HTTP saw to the fixed sets of label values.
#include "pg_hello/shared/worker_status.h"

#include <cstdlib>
#include <string_view>

namespace pg_hello::shared {

std::size_t HttpPathIndex(const char* path, std::size_t length) {
  const std::string_view wanted(path, length);
  std::size_t i = 0;
  while (i + 1 < kHttpPaths.size() && wanted != kHttpPaths[i]) {
    ++i;
  }
  return i;
}

std::size_t HttpCodeIndex(int code) {
  std::size_t i = 0;
  while (i + 1 < kHttpCodes.size() && code != std::atoi(kHttpCodes[i])) {
    ++i;
  }
  return i;
}

}  // namespace pg_hello::shared
