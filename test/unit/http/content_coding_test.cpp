#include "pg_hello/http/content_coding.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace pg_hello::http {
namespace {

struct Choice {
  const char* accept_encoding;
  std::optional<ContentCoding> coding;
};

constexpr auto kIdentity = ContentCoding::kIdentity;
constexpr auto kGzip = ContentCoding::kGzip;

TEST(ChooseCoding, TakesGzipOnlyWhenItIsAskedFor) {
  for (const char* silent : {"", "*", "identity", "deflate", "br, zstd", "gzip;q=0", "gzip;q=0.000",
                             "gzipped", "g zip", "*;q=0.5", "*, gzip;q=0", "identity, gzip;q=0.5",
                             "identity;q=0.5, gzip;q=0.4", "deflate;q=1, identity"}) {
    EXPECT_EQ(ChooseCoding(silent), kIdentity) << silent;
  }
  for (const char* asked :
       {"gzip", "GZip", "x-gzip", "gzip;q=1", "gzip;q=0.001", " gzip ; q=0.5 ", "br,gzip",
        "deflate, gzip;q=0.2, br", "gzip, identity", "identity;q=0.5, gzip;q=0.5", "gzip;Q=0.3",
        ",,gzip,,", "*;q=0, gzip", "gzip;q=0.5,*;q=1", "gzip;q=0, x-gzip"}) {
    EXPECT_EQ(ChooseCoding(asked), kGzip) << asked;
  }
}

TEST(ChooseCoding, HonoursThatIdentityIsRefused) {
  EXPECT_EQ(ChooseCoding("gzip, identity;q=0"), kGzip);
  EXPECT_EQ(ChooseCoding("*, identity;q=0"), kGzip);
  EXPECT_EQ(ChooseCoding("identity;q=0.1, *;q=0"), kIdentity);
  for (const char* neither :
       {"identity;q=0", "*;q=0", "identity;q=0, gzip;q=0", "br, *;q=0", "gzip;q=0, *;q=0",
        "identity;q=0, *;q=0", "*, identity;q=0, gzip;q=0"}) {
    EXPECT_EQ(ChooseCoding(neither), std::nullopt) << neither;
  }
}

TEST(ChooseCoding, PassesOverWhatIsMalformed) {
  for (const char* strange :
       {"gzip;q=2", "gzip;q=1.001", "gzip;q=-1", "gzip;q=", "gzip;q=0.1234", "gzip;q=.5",
        "gzip;q=nan", "gzip;x=1", "gzip;q=1;q=0", ";q=1", "=", ";", "gzip;q=1e-1", "\xff\xfe"}) {
    EXPECT_EQ(ChooseCoding(strange), kIdentity) << strange;
  }
  EXPECT_EQ(ChooseCoding("identity;q=x, gzip;q=1"), kGzip);
}

std::string Inflate(std::string_view packed) {
  z_stream z = {};
  EXPECT_EQ(inflateInit2(&z, 15 + 16), Z_OK);
  std::string text;
  std::array<char, 4096> chunk;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_out = reinterpret_cast<Bytef*>(chunk.data());
    z.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&z, Z_NO_FLUSH);
    text.append(chunk.data(), chunk.size() - z.avail_out);
  }
  EXPECT_EQ(status, Z_STREAM_END);
  EXPECT_EQ(z.avail_in, 0u) << "something follows the stream";
  inflateEnd(&z);
  return text;
}

TEST(GzipEncoder, MakesOneStreamOfAnyPieces) {
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += static_cast<char>('a' + random() % 20);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1'000}, text.size()}) {
    GzipEncoder encoder;
    std::string packed;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      encoder.Add(std::string_view(text).substr(at, piece), packed);
      encoder.Add("", packed);
    }
    encoder.Finish(packed);
    EXPECT_LT(packed.size(), text.size());
    EXPECT_EQ(Inflate(packed), text);
  }
}

TEST(GzipEncoder, EncodesNothing) {
  GzipEncoder encoder;
  std::string packed;
  encoder.Finish(packed);
  EXPECT_EQ(Inflate(packed), "");
}

TEST(GzipEncoder, NamesNoTimeSoThatEqualTextsAreEqualStreams) {
  GzipEncoder encoder;
  std::string packed;
  encoder.Add("text", packed);
  encoder.Finish(packed);
  ASSERT_GE(packed.size(), 8u);
  EXPECT_EQ(packed.substr(4, 4), std::string(4, '\0'));  // RFC 1952: MTIME
}

TEST(GzipEncoder, MayBeGivenUpHalfWay) {
  GzipEncoder encoder;
  std::string packed;
  encoder.Add("text", packed);
}

}  // namespace
}  // namespace pg_hello::http
