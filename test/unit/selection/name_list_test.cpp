// Lists of names, and what is none.
#include "pg_hello/selection/name_list.h"

#include <gtest/gtest.h>

namespace pg_hello::selection {
namespace {

TEST(NameListTest, MatchesAnyOfItsGlobs) {
  const NameList list = ParseNames(" shop ,app_?,\tlog* ");
  EXPECT_EQ(list.fault, "");
  EXPECT_TRUE(list.Matches("shop"));
  EXPECT_TRUE(list.Matches("app_1"));
  EXPECT_TRUE(list.Matches("logs of 2026"));
  EXPECT_FALSE(list.Matches("app_12"));
  EXPECT_FALSE(list.Matches("Shop"));
  EXPECT_FALSE(list.Matches(""));
}

TEST(NameListTest, ABackslashMakesACommaAndAnAsteriskPartOfAName) {
  const NameList list = ParseNames(R"(a\,b, c\*)");
  EXPECT_TRUE(list.Matches("a,b"));
  EXPECT_TRUE(list.Matches("c*"));
  EXPECT_FALSE(list.Matches("a"));
  EXPECT_FALSE(list.Matches("cd"));
}

TEST(NameListTest, ParenthesesMeanNothing) { EXPECT_TRUE(ParseNames("a(b,c").Matches("c")); }

TEST(NameListTest, AnEmptyListIsNoneAndMatchesNothing) {
  for (const char* text : {"", " \n"}) {
    const NameList list = ParseNames(text);
    EXPECT_TRUE(list.globs.empty());
    EXPECT_EQ(list.fault, "");
    EXPECT_FALSE(list.Matches(""));
  }
}

TEST(NameListTest, SaysWhatIsWrong) {
  EXPECT_EQ(ParseNames("a,,b").fault, "List of names has an empty element.");
  EXPECT_EQ(ParseNames("a,").fault, "List of names has an empty element.");
  EXPECT_NE(ParseNames("a\\").fault, "");
  EXPECT_TRUE(ParseNames("a,").globs.empty());
}

}  // namespace
}  // namespace pg_hello::selection
