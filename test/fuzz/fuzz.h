// What the fuzz targets share: a check that stays on in every build and ends the process, which is
// what libFuzzer and replay.cpp take for a finding; and a reader that makes values out of bytes.
#ifndef PG_HELLO_TEST_FUZZ_FUZZ_H
#define PG_HELLO_TEST_FUZZ_FUZZ_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace pg_hello::fuzz {

[[noreturn]] inline void Broken(const char* promise, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
  std::abort();
}

inline std::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes values off the front of an input; behind its end there are zeros and empty texts.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }

  std::uint8_t Byte() {
    const std::string_view byte = Bytes(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte.front());
  }

  // Below `limit`, which must not be 0.
  std::size_t Below(std::size_t limit) { return Byte() % limit; }

  std::string_view Bytes(std::size_t count) {
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  // As many bytes as the next one says.
  std::string_view Text() { return Bytes(Byte()); }

 private:
  std::string_view rest_;
};

}  // namespace pg_hello::fuzz

#define FUZZ_PROMISE(condition)                                 \
  do {                                                          \
    if (!(condition)) {                                         \
      ::pg_hello::fuzz::Broken(#condition, __FILE__, __LINE__); \
    }                                                           \
  } while (false)

#endif  // PG_HELLO_TEST_FUZZ_FUZZ_H
