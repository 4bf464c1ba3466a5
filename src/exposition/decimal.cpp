// The only place where a number of the exposition becomes text.
#include "pg_hello/exposition/decimal.h"

#include <charconv>

namespace pg_hello::exposition {

char* FormatDecimal(Decimal value, char* out) {
  std::uint64_t scale = 1;
  for (int i = 0; i < value.decimals; ++i) {
    scale *= 10;
  }
  const std::uint64_t whole = value.digits / scale;
  std::uint64_t fraction = value.digits % scale;
  if (value.negative) {
    *out++ = '-';
  }
  out = std::to_chars(out, out + 20, whole).ptr;
  if (fraction == 0) {
    return out;
  }
  *out++ = '.';
  while (fraction != 0) {
    scale /= 10;
    *out++ = static_cast<char>('0' + fraction / scale);
    fraction %= scale;
  }
  return out;
}

}  // namespace pg_hello::exposition
