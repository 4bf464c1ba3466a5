#include "pg_hello/http/target.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pg_hello::http {
namespace {

using Segments = std::vector<std::string>;

TEST(DecodeTarget, CutsThePathBeforeItDecodes) {
  EXPECT_EQ(DecodeTarget("/").segments, (Segments{""}));
  EXPECT_EQ(DecodeTarget("/a/b").segments, (Segments{"a", "b"}));
  EXPECT_EQ(DecodeTarget("/a%2Fb/%63").segments, (Segments{"a/b", "c"}));
  EXPECT_EQ(DecodeTarget("//a/").segments, (Segments{"", "a", ""}));
  EXPECT_EQ(DecodeTarget("/a+b").segments, (Segments{"a+b"}));
}

TEST(DecodeTarget, KeepsParametersInOrderAndRepeated) {
  EXPECT_EQ(DecodeTarget("/?b=1&a=2&b=3").params, (Params{{"b", "1"}, {"a", "2"}, {"b", "3"}}));
  EXPECT_EQ(DecodeTarget("/?name[]=a&name%5B%5D=b").params,
            (Params{{"name[]", "a"}, {"name[]", "b"}}));
}

TEST(DecodeTarget, DecodesNamesAndValuesOnce) {
  EXPECT_EQ(DecodeTarget("/?a%3Db=c%26d+e%2B%2541").params, (Params{{"a=b", "c&d e+%41"}}));
  EXPECT_EQ(DecodeTarget("/?v=a=b?c&w=/").params, (Params{{"v", "a=b?c"}, {"w", "/"}}));
  EXPECT_EQ(DecodeTarget("/?x=%C3%a9%00").params, (Params{{"x", std::string("\xc3\xa9\0", 3)}}));
}

TEST(DecodeTarget, ManagesWhatIsMissing) {
  EXPECT_EQ(DecodeTarget("/a").params, Params());
  EXPECT_EQ(DecodeTarget("/a?").params, Params());
  EXPECT_EQ(DecodeTarget("/a?&&").params, Params());
  EXPECT_EQ(DecodeTarget("/a?b").params, (Params{{"b", ""}}));
  EXPECT_EQ(DecodeTarget("/a?=b&=").params, (Params{{"", "b"}, {"", ""}}));
}

TEST(HasParam, FindsAName) {
  const Params params = {{"a", ""}, {"b", "1"}};
  EXPECT_TRUE(HasParam(params, "a"));
  EXPECT_TRUE(HasParam(params, "b"));
  EXPECT_FALSE(HasParam(params, "1"));
}

}  // namespace
}  // namespace pg_hello::http
