// Golden files: what a format's output is known to be, byte for byte. To renew one after an
// intended change, copy what the failing test wrote over it.
#ifndef PG_HELLO_TEST_UNIT_EXPOSITION_GOLDEN_H
#define PG_HELLO_TEST_UNIT_EXPOSITION_GOLDEN_H

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace pg_hello::testing {

inline void ExpectGolden(const std::string& name, const std::string& actual) {
  const std::string path = std::string(PG_HELLO_TEST_DATA_DIR) + "/golden/" + name;
  std::ifstream file(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  if (actual != golden) {
    const std::string written = ::testing::TempDir() + name;
    std::ofstream(written, std::ios::binary) << actual;
    ADD_FAILURE() << "differs from " << path << "; what was rendered is in " << written;
  }
}

}  // namespace pg_hello::testing

#endif  // PG_HELLO_TEST_UNIT_EXPOSITION_GOLDEN_H
