// The only place where a number of the exposition becomes text.
#include "pg_hello/exposition/decimal.h"

#include <charconv>

namespace pg_hello::exposition {

char* FormatDecimal(Decimal value, char* out) {
  if (value.decimals == 0 && !value.negative) {  // most of what there is
    return std::to_chars(out, out + 20, value.digits).ptr;
  }
  const std::uint64_t scale = value.decimals == 9   ? 1'000'000'000
                              : value.decimals == 6 ? 1'000'000
                                                    : 1;
  const std::uint64_t whole = value.digits / scale;
  const std::uint64_t fraction = value.digits % scale;
  if (value.negative) {
    *out++ = '-';
  }
  out = std::to_chars(out, out + 20, whole).ptr;
  if (fraction == 0) {
    return out;
  }
  // With a one before it, a fraction has all its zeros; the point takes the one's place.
  char* end = std::to_chars(out, out + 10, scale + fraction).ptr;
  *out = '.';
  while (end[-1] == '0') {
    --end;
  }
  return end;
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
