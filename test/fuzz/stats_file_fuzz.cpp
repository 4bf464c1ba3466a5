// Any bytes as the file of counters. An input that begins with "s" is made to pass the first looks
// (magic, version, length, checksum, origin, layout), so that its parts are met too.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "exposition_reader.h"
#include "fuzz.h"
#include "pg_hello/exposition/text_format.h"
#include "pg_hello/persistence/crc32c.h"
#include "pg_hello/persistence/stats_file.h"
#include "support/shared_memory.h"

namespace pg_hello::persistence {
namespace {

constexpr Origin kOrigin{15, 0x0123'4567'89ab'cdef, 1, 0x1234'5678, 0};
constexpr shared::Dimensions kSmall{8, 1};
constexpr std::size_t kPrefixBytes = 24;
constexpr std::size_t kOriginBytes = 32;
constexpr std::size_t kLayoutBytes = 16;

// `rest` is the file from behind the layout on.
std::string Sealed(std::string_view rest) {
  testing::SharedMemory empty(kSmall);
  std::string file = Save(*empty, kOrigin, 0).substr(0, kPrefixBytes + kOriginBytes + kLayoutBytes);
  file.append(rest);
  const std::uint64_t length = file.size();
  std::memcpy(&file[16], &length, sizeof(length));
  const std::uint32_t checksum = Crc32c(std::string_view(file).substr(16));
  std::memcpy(&file[12], &checksum, sizeof(checksum));
  return file;
}

// What Save() makes of counters is all there is of them.
std::string Saved(shared::SharedStats& stats) { return Save(stats, kOrigin, 1); }

void Check(std::string_view file) {
  testing::SharedMemory stats(kSmall);
  const std::string before = Saved(*stats);
  const LoadResult loaded = Load(file, kOrigin, *stats);
  FUZZ_PROMISE(loaded.loaded == loaded.why_not.empty());
  const std::string after = Saved(*stats);
  if (!loaded.loaded) {
    FUZZ_PROMISE(loaded.rows == 0 && loaded.rows_left_out == 0 && after == before);
    return;
  }
  // Each of the file's rows is one of the table's, or has no place in it.
  FUZZ_PROMISE(loaded.rows == stats->live_rows());
  FUZZ_PROMISE(loaded.rows_left_out == 0 || loaded.rows == kSmall.max_functions);

  testing::SharedMemory again(kSmall);
  const LoadResult reloaded = Load(after, kOrigin, *again);
  FUZZ_PROMISE(reloaded.loaded && reloaded.rows == loaded.rows && reloaded.rows_left_out == 0);
  FUZZ_PROMISE(Saved(*again) == after);

  std::size_t samples = 0;
  const std::string text = exposition::RenderText(testing::TakeSnapshot(*stats), &samples);
  FUZZ_PROMISE(fuzz::ExpositionReader::Read(text).size() == samples);
}

}  // namespace
}  // namespace pg_hello::persistence

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello::persistence;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes = pg_hello::fuzz::TextOf(data, size);
  if (bytes.starts_with('s')) {
    Check(Sealed(bytes.substr(1)));
  } else {
    Check(bytes);
  }
  return 0;
}
