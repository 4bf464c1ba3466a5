// Exact decimal numbers: what samples are made of. Apart from the formats because all of them, and
// the tests, print the same number the same way: counters keep all their digits (a double loses
// them above 2^53), and a whole number of nanoseconds is printed as the seconds it is, not as the
// nearest double. No locale is asked.
#ifndef PG_HELLO_EXPOSITION_DECIMAL_H
#define PG_HELLO_EXPOSITION_DECIMAL_H

#include <cstddef>
#include <cstdint>

namespace pg_hello::exposition {

// The number digits / 10^decimals, with a minus sign if `negative`. A value; nothing fails.
struct Decimal {
  std::uint64_t digits = 0;
  int decimals = 0;  // 0, 6 or 9
  bool negative = false;

  static constexpr Decimal Integer(std::uint64_t value) { return {value, 0, false}; }

  // A duration in nanoseconds as seconds.
  static constexpr Decimal SecondsOfNs(std::uint64_t ns) { return {ns, 9, false}; }

  static constexpr Decimal Billionths(std::uint64_t value) { return {value, 9, false}; }

  // A time in microseconds since the Unix epoch as seconds since then.
  static constexpr Decimal SecondsOfUs(std::int64_t us) {
    const auto bits = static_cast<std::uint64_t>(us);
    return {us < 0 ? std::uint64_t{0} - bits : bits, 6, us < 0};
  }
};

// Sign, 20 digits, and a leading zero and a point at most.
inline constexpr std::size_t kMaxDecimalChars = 23;

// Writes `value` as digits with a point if it needs one, without exponent and without trailing
// zeros: "0", "18446744073709551615", "1.23456789", "-0.000001". It is the shortest text that is
// exactly the number. Returns the end of what was written; no NUL is added.
// REQUIRES: room for kMaxDecimalChars at `out`.
char* FormatDecimal(Decimal value, char* out);

// The nearest double, for formats that have nothing better; ties go to the even one.
double ToDouble(Decimal value);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_DECIMAL_H
