// That numbers are printed exactly.
#include "pg_hello/exposition/decimal.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace pg_hello::exposition {
namespace {

std::string Format(Decimal value) {
  char text[kMaxDecimalChars];
  char* const end = FormatDecimal(value, text);
  EXPECT_LE(end, text + sizeof(text));
  return {text, end};
}

TEST(DecimalTest, PrintsIntegersWithAllTheirDigits) {
  EXPECT_EQ(Format(Decimal::Integer(0)), "0");
  EXPECT_EQ(Format(Decimal::Integer(10)), "10");
  EXPECT_EQ(Format(Decimal::Integer((std::uint64_t{1} << 53) + 1)), "9007199254740993");
  EXPECT_EQ(Format(Decimal::Integer(UINT64_MAX)), "18446744073709551615");
}

TEST(DecimalTest, PrintsNanosecondsAsExactSeconds) {
  EXPECT_EQ(Format(Decimal::SecondsOfNs(0)), "0");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(1)), "0.000000001");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(1'234'567'890)), "1.23456789");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(300'000'000)), "0.3");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(1'000'000'000)), "1");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(100'000'000'000)), "100");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(1'000'000'001)), "1.000000001");
  EXPECT_EQ(Format(Decimal::SecondsOfNs(UINT64_MAX)), "18446744073.709551615");
}

TEST(DecimalTest, PrintsMicrosecondsAsExactSeconds) {
  EXPECT_EQ(Format(Decimal::SecondsOfUs(0)), "0");
  EXPECT_EQ(Format(Decimal::SecondsOfUs(1'795'414'400'500'000)), "1795414400.5");
  EXPECT_EQ(Format(Decimal::SecondsOfUs(-1)), "-0.000001");
  EXPECT_EQ(Format(Decimal::SecondsOfUs(-2'500'000)), "-2.5");
  EXPECT_EQ(Format(Decimal::SecondsOfUs(INT64_MAX)), "9223372036854.775807");
  EXPECT_EQ(Format(Decimal::SecondsOfUs(INT64_MIN)), "-9223372036854.775808");
}

TEST(DecimalTest, PrintsWhatReadsBackAsTheNearestDouble) {
  for (std::uint64_t ns = 1; ns < 1'000'000'000'000; ns = ns * 7 / 3 + 1) {
    EXPECT_EQ(std::strtod(Format(Decimal::SecondsOfNs(ns)).c_str(), nullptr),
              static_cast<double>(ns) / 1e9)
        << ns;
  }
}

TEST(DecimalTest, ToDoubleIsTheNearestDouble) {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t digits = random() >> (random() % 64);
    for (const Decimal value : {Decimal::Integer(digits), Decimal::SecondsOfNs(digits),
                                Decimal::SecondsOfUs(static_cast<std::int64_t>(digits))}) {
      char text[kMaxDecimalChars + 1];
      *FormatDecimal(value, text) = '\0';
      EXPECT_EQ(ToDouble(value), std::strtod(text, nullptr)) << text;
    }
  }
  EXPECT_EQ(ToDouble(Decimal::SecondsOfUs(-1)), -1e-6);
  EXPECT_EQ(ToDouble(Decimal::Integer(UINT64_MAX)), 0x1p64);
}

}  // namespace
}  // namespace pg_hello::exposition
