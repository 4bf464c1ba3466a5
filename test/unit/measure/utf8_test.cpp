// The repair of text, against the examples of the Unicode Standard.
#include "pg_hello/measure/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pg_hello::measure {
namespace {

using std::string_view_literals::operator""sv;

std::string Repair(std::string_view bytes) { return ToValidUtf8(bytes, nullptr); }

// How many U+FFFD `text` has if it has nothing else, -1 otherwise.
int OnlyReplacements(std::string_view text) {
  int count = 0;
  while (text.substr(0, 3) == "\xEF\xBF\xBD") {
    text.remove_prefix(3);
    ++count;
  }
  return text.empty() ? count : -1;
}

TEST(Utf8Test, LeavesValidTextAlone) {
  bool repaired = true;
  const std::string_view text = "pg_hello(text) \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98 \xC2\x85";
  EXPECT_EQ(ToValidUtf8(text, &repaired), text);
  EXPECT_FALSE(repaired);
}

TEST(Utf8Test, LeavesTheFirstAndLastCodePointOfEachLengthAlone) {
  for (const std::string_view text :
       {"\x20"sv, "\x7E"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv,
        "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv}) {
    bool repaired = true;
    EXPECT_EQ(ToValidUtf8(text, &repaired), text);
    EXPECT_FALSE(repaired);
  }
}

TEST(Utf8Test, SaysThatItRepaired) {
  bool repaired = false;
  EXPECT_EQ(ToValidUtf8("caf\xE9", &repaired), "caf\xEF\xBF\xBD");
  EXPECT_TRUE(repaired);
}

TEST(Utf8Test, ReplacesEachMaximalSubpartOnce) {
  // The Unicode Standard, section 3.9, tables 3-8 to 3-11.
  EXPECT_EQ(Repair("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "\xEF\xBF\xBD\x41");
  EXPECT_EQ(OnlyReplacements(Repair("\xED\xA0\x80\xED\xBF\xBF\xED\xAF")), 8);
  EXPECT_EQ(Repair("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41\xEF\xBF\xBD"
            "\xEF\xBF\xBD\x42");
  EXPECT_EQ(OnlyReplacements(Repair("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF")), 4);
}

TEST(Utf8Test, ReplacesASequenceThatTheEndCutsOff) {
  EXPECT_EQ(OnlyReplacements(Repair("\xE2\x82")), 1);
  EXPECT_EQ(OnlyReplacements(Repair("\xF0\x9F\x90")), 1);
  EXPECT_EQ(OnlyReplacements(Repair("\xC3")), 1);
}

TEST(Utf8Test, ReplacesAsciiControlCharactersButLineFeeds) {
  EXPECT_EQ(Repair("a\nb"), "a\nb");
  for (int c = 0; c < 0x20; ++c) {
    if (c != '\n') {
      EXPECT_EQ(OnlyReplacements(Repair(std::string(1, static_cast<char>(c)))), 1) << c;
    }
  }
  EXPECT_EQ(OnlyReplacements(Repair("\x7F")), 1);
}

TEST(Utf8Test, MakesAnyTwoBytesValidAndIsThenStable) {
  for (int high = 0; high < 256; ++high) {
    for (int low = 0; low < 256; ++low) {
      const std::string bytes = {static_cast<char>(high), static_cast<char>(low)};
      const std::string once = Repair(bytes);
      bool repaired = true;
      EXPECT_EQ(ToValidUtf8(once, &repaired), once);
      EXPECT_FALSE(repaired);
      EXPECT_LE(once.size(), 3 * bytes.size());
    }
  }
}

TEST(Utf8Test, CutsBetweenCodePoints) {
  const std::string_view text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x98z";  // 1, 2, 3, 4, 1 bytes
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (std::size_t max_bytes = 0; max_bytes < std::size(expected); ++max_bytes) {
    EXPECT_EQ(Utf8CutLength(text, max_bytes), expected[max_bytes]) << max_bytes;
  }
  EXPECT_EQ(Utf8CutLength("", 0), 0U);
  EXPECT_EQ(Utf8CutLength(text, SIZE_MAX), text.size());
}

TEST(Utf8Test, CutsEvenWhatIsNotUtf8) { EXPECT_LE(Utf8CutLength("\x80\x80\x80\x80\x80", 4), 4U); }

}  // namespace
}  // namespace pg_hello::measure
