// The only file that knows zlib.
#include "pg_hello/http/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <new>

#include "field_text.h"

namespace pg_hello::http {
namespace {

constexpr int kLevel = 1;
constexpr int kGzipWindow = 15 + 16;  // zlib's largest window, and a gzip header
constexpr int kMemoryLevel = 8;

// A q-value in thousandths: "0", "1", "0.5", "1.000"; nothing if it is none.
std::optional<int> Thousandths(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int unit = 100;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value += (digit - '0') * unit;
    unit /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

// Of an element without its name: ";q=0.5", or nothing, which is 1.
std::optional<int> Quality(std::string_view parameters) {
  if (parameters.empty()) return 1000;
  std::string_view value = parameters;
  const std::string_view name = TrimWhitespace(TakeUntil(value, "="));
  return EqualsIgnoringCase(name, "q") ? Thousandths(TrimWhitespace(value)) : std::nullopt;
}

}  // namespace

std::optional<ContentCoding> ChooseCoding(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> identity;
  std::optional<int> others;
  while (!accept_encoding.empty()) {
    std::string_view parameters = TakeUntil(accept_encoding, ",");
    const std::string_view name = TrimWhitespace(TakeUntil(parameters, ";"));
    const std::optional<int> quality = Quality(TrimWhitespace(parameters));
    if (!quality) continue;
    if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip"))
      gzip = std::max(gzip.value_or(0), *quality);
    if (EqualsIgnoringCase(name, "identity")) identity = quality;
    if (name == "*") others = quality;
  }
  // Not named, identity is acceptable unless "*" is refused, but not preferred to anything.
  const bool plain = identity.value_or(others.value_or(1)) > 0;
  if (gzip.value_or(0) > 0 && *gzip >= identity.value_or(0)) return ContentCoding::kGzip;
  if (plain) return ContentCoding::kIdentity;
  if (gzip.value_or(others.value_or(0)) > 0) return ContentCoding::kGzip;
  return std::nullopt;
}

struct GzipEncoder::Stream {
  z_stream z = {};

  // zlib's memory fails as memory here does.
  void Run(int flush, std::string& out) {
    std::array<char, 16 * 1024> chunk;
    int status = Z_OK;
    do {
      z.next_out = reinterpret_cast<Bytef*>(chunk.data());
      z.avail_out = static_cast<uInt>(chunk.size());
      status = deflate(&z, flush);
      out.append(chunk.data(), chunk.size() - z.avail_out);
    } while (z.avail_out == 0 || (flush == Z_FINISH && status == Z_OK));
  }
};

GzipEncoder::GzipEncoder() : stream_(std::make_unique<Stream>()) {
  if (deflateInit2(&stream_->z, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

GzipEncoder::~GzipEncoder() { deflateEnd(&stream_->z); }

void GzipEncoder::Add(std::string_view text, std::string& out) {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  while (!text.empty()) {
    const std::string_view part = text.substr(0, kMost);
    // zlib only reads it.
    stream_->z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream_->z.avail_in = static_cast<uInt>(part.size());
    stream_->Run(Z_NO_FLUSH, out);
    text.remove_prefix(part.size());
  }
}

void GzipEncoder::Finish(std::string& out) { stream_->Run(Z_FINISH, out); }

}  // namespace pg_hello::http
