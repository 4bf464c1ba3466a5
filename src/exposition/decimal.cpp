// The only place where a number of the exposition becomes text.
#include "pg_hello/exposition/decimal.h"

#include <charconv>

namespace pg_hello::exposition {
namespace {

// A constant scale, for to divide by what is only known at run time is dear.
template <std::uint64_t kScale>
char* FormatScaled(std::uint64_t digits, char* out) {
  out = std::to_chars(out, out + 20, digits / kScale).ptr;
  const std::uint64_t fraction = digits % kScale;
  if (fraction == 0) {
    return out;
  }
  // With a one before it, a fraction has all its zeros; the point takes the one's place.
  char* end = std::to_chars(out, out + 10, kScale + fraction).ptr;
  *out = '.';
  while (end[-1] == '0') {
    --end;
  }
  return end;
}

}  // namespace

char* FormatDecimal(Decimal value, char* out) {
  if (value.negative) {
    *out++ = '-';
  }
  switch (value.decimals) {
    case 9:
      return FormatScaled<1'000'000'000>(value.digits, out);
    case 6:
      return FormatScaled<1'000'000>(value.digits, out);
    default:
      return std::to_chars(out, out + 20, value.digits).ptr;
  }
}

double ToDouble(Decimal value) {
  // Below 2^53 both numbers are exact doubles, and a division is rounded once.
  if (value.digits < (std::uint64_t{1} << 53)) {
    constexpr double kScales[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    const double magnitude = static_cast<double>(value.digits) / kScales[value.decimals];
    return value.negative ? -magnitude : magnitude;
  }
  char text[kMaxDecimalChars];
  double nearest = 0;
  std::from_chars(text, FormatDecimal(value, text), nearest);
  return nearest;
}

}  // namespace pg_hello::exposition
