// The parts of the file of counters as values, and how each becomes bytes and comes back. Knows the
// format and nothing of shared memory; stats_file.cpp knows shared memory and no byte.
#ifndef PG_HELLO_PERSISTENCE_FILE_PARTS_H
#define PG_HELLO_PERSISTENCE_FILE_PARTS_H

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/persistence/stats_file.h"
#include "pg_hello/shared/counters.h"
#include "pg_hello/shared/function_identity.h"

namespace pg_hello::persistence {

class Writer {
 public:
  explicit Writer(std::size_t expected_bytes) { bytes_.reserve(expected_bytes); }

  template <typename T>
  void Put(T value) {
    static_assert(std::is_integral_v<T> && !std::is_same_v<T, char>);
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8) {
      bytes_.push_back(static_cast<char>(rest & 0xff));
    }
  }
  void Put(double value) { Put(std::bit_cast<std::uint64_t>(value)); }

  void PutBytes(std::string_view bytes) { bytes_.append(bytes); }

  template <std::size_t kSize>
  void PutText(const char (&text)[kSize]) {
    const std::size_t length = strnlen(text, kSize - 1);
    Put(static_cast<std::uint16_t>(length));
    bytes_.append(text, length);
  }

  template <typename T>
  void PutAt(std::size_t position, T value) {
    Writer word(sizeof(T));
    word.Put(value);
    bytes_.replace(position, sizeof(T), word.bytes_);
  }

  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Valid UTF-8 without control characters, as all names in shared memory are.
bool IsLabelText(std::string_view text);

// Reads what is there; behind the end there are zeros, and ok() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Get() {
    if constexpr (std::is_same_v<T, double>) {
      return std::bit_cast<double>(Get<std::uint64_t>());
    } else {
      if (rest_.size() < sizeof(T)) {
        Fail();
        return T{};
      }
      std::uint64_t value = 0;
      for (std::size_t i = sizeof(T); i-- > 0;) {
        value = (value << 8) | static_cast<unsigned char>(rest_[i]);
      }
      rest_.remove_prefix(sizeof(T));
      return static_cast<T>(value);
    }
  }

  template <std::size_t kSize>
  void GetText(char (&text)[kSize]) {
    const std::size_t length = Get<std::uint16_t>();
    if (length >= kSize || length > rest_.size() || !IsLabelText(rest_.substr(0, length))) {
      Fail();
      return;
    }
    rest_.copy(text, length);
    std::memset(text + length, 0, kSize - length);
    rest_.remove_prefix(length);
  }

  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// What the meaning of the rows depends on beside the format.
struct Layout {
  std::uint32_t bucket_count;
  std::uint32_t bounds_checksum;
  std::uint32_t identity_size;
  std::uint32_t error_places;

  friend bool operator==(const Layout&, const Layout&) = default;
};

Layout OurLayout();

struct Header {
  Origin origin;
  Layout layout;
  std::int64_t saved_at_us;
  std::int64_t stats_reset_us;
  std::uint64_t stack_resyncs;
  std::uint64_t clock_anomalies;
  std::uint32_t databases;
  std::uint32_t rows;
};

struct Database {
  std::uint32_t dbid;
  std::uint64_t overflow_calls;
  shared::DatabaseName name;
};

struct Row {
  struct Origins {
    std::uint32_t sqlstate_class;
    std::uint64_t count;
  };

  shared::FunctionKey key;
  shared::FunctionIdentity identity;
  std::int64_t stats_since_us;
  std::uint64_t inclusive_ns;
  std::uint64_t nested_ns;
  std::uint64_t self_ns;
  std::uint64_t encoded_min_ns;
  std::uint64_t max_ns;
  double sum_squares_ns2;
  std::uint64_t errors;
  std::uint64_t canceled;
  std::uint64_t untimed;
  std::uint64_t iterations;
  std::array<std::uint64_t, measure::kBucketCount> buckets;
  std::array<Origins, shared::ErrorOriginCounters::kPlaces> error_origins;
  std::uint64_t other_origins;
};

void PutHeader(Writer& out, const Header& header);
void PutRow(Writer& out, const Row& row);

// Any bytes are allowed: what cannot be fails the reader.
Header GetHeader(Reader& in);
Database GetDatabase(Reader& in);
Row GetRow(Reader& in);

}  // namespace pg_hello::persistence

#endif  // PG_HELLO_PERSISTENCE_FILE_PARTS_H
