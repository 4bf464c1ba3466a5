// Accept-Encoding, as bytes and as a list of wishes that are known; and gzip of any pieces, taken
// apart again.
#include "pg_hello/http/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz.h"

namespace pg_hello::http {
namespace {

using fuzz::Input;

void CheckBytes(std::string_view accept_encoding) {
  const std::optional<ContentCoding> coding = ChooseCoding(accept_encoding);
  std::string disguised;
  for (const char c : accept_encoding) {
    if (c == ',' || c == ';' || c == '=') {
      disguised.append(" \t").append(1, c).append("\t ");
    } else {
      disguised +=
          std::isalpha(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(c ^ 0x20) : c;
    }
  }
  FUZZ_PROMISE(ChooseCoding(disguised) == coding);
  const std::string text(accept_encoding);
  FUZZ_PROMISE(ChooseCoding(text + "," + text) == coding);
  FUZZ_PROMISE(ChooseCoding(",;, gzip;q=2, " + text + ", br") == coding);
}

// By the words of content_coding.h. Each of the three may be named once.
void CheckWishes(Input in) {
  constexpr std::array<std::string_view, 3> kNames = {"gzip", "identity", "*"};
  std::array<std::optional<int>, 3> quality;  // in thousandths
  std::string text;
  const std::size_t first = in.Below(3);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t which = (first + i) % 3;
    const auto value = static_cast<int>((in.Byte() * 256U + in.Byte()) % 1005);
    if (value > 1000) {
      continue;
    }
    quality[which] = value;
    std::string digits = std::to_string(value % 1000);
    digits.insert(0, 3 - digits.size(), '0');
    text.append(kNames[which]).append(value == 1000 ? ";q=1." : ";q=0.").append(digits).append(",");
  }
  const auto [gzip, identity, others] = quality;
  const bool plain_accepted = identity.value_or(others.value_or(1)) > 0;
  const bool gzip_accepted = gzip.value_or(others.value_or(0)) > 0;

  const std::optional<ContentCoding> coding = ChooseCoding(text);
  FUZZ_PROMISE(coding.has_value() == (plain_accepted || gzip_accepted));
  FUZZ_PROMISE(coding != ContentCoding::kIdentity || plain_accepted);
  FUZZ_PROMISE(coding != ContentCoding::kGzip || gzip_accepted);
  if (gzip_accepted && plain_accepted) {
    const bool named = gzip.has_value() && *gzip >= identity.value_or(0);
    FUZZ_PROMISE((coding == ContentCoding::kGzip) == named);
  }
  CheckBytes(text);
}

void CheckGzip(Input in) {
  std::string text;
  std::string stream;
  GzipEncoder encoder;
  while (!in.AtEnd()) {
    const std::string_view piece = in.Text();
    text.append(piece);
    encoder.Add(piece, stream);
  }
  encoder.Finish(stream);

  std::string plain(text.size() + 1, '\0');
  z_stream z{};
  FUZZ_PROMISE(inflateInit2(&z, 15 + 16) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(stream.data());
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = reinterpret_cast<Bytef*>(plain.data());
  z.avail_out = static_cast<uInt>(plain.size());
  FUZZ_PROMISE(inflate(&z, Z_FINISH) == Z_STREAM_END);
  plain.resize(z.total_out);
  FUZZ_PROMISE(z.avail_in == 0 && plain == text);
  inflateEnd(&z);
}

}  // namespace
}  // namespace pg_hello::http

// The first byte says what.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello::http;  // NOLINT(google-build-using-namespace)
  pg_hello::fuzz::Input in(pg_hello::fuzz::TextOf(data, size));
  switch (in.Byte()) {
    case 'w':
      CheckWishes(in);
      break;
    case 'z':
      CheckGzip(in);
      break;
    default:
      CheckBytes(in.Bytes(size));
  }
  return 0;
}
