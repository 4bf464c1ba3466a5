#include "pg_hello/selection/glob.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace pg_hello::selection {
namespace {

TEST(GlobTest, WithoutWildcardsOnlyTheTextItselfMatches) {
  EXPECT_TRUE(GlobMatches("transfer(integer[])", "transfer(integer[])"));
  EXPECT_FALSE(GlobMatches("transfer", "transfers"));
  EXPECT_FALSE(GlobMatches("transfer", "transfe"));
  EXPECT_FALSE(GlobMatches("Transfer", "transfer"));
  EXPECT_TRUE(GlobMatches("", ""));
  EXPECT_FALSE(GlobMatches("", "x"));
}

TEST(GlobTest, AStarIsAnyCharactersOrNone) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("*", "anything"));
  EXPECT_TRUE(GlobMatches("a*", "a"));
  EXPECT_TRUE(GlobMatches("a*c*e", "abcde"));
  EXPECT_TRUE(GlobMatches("a*c*e", "ace"));
  EXPECT_FALSE(GlobMatches("a*c*e", "abde"));
  EXPECT_TRUE(GlobMatches("*ab", "aabab"));
  EXPECT_TRUE(GlobMatches("**", "x"));
  EXPECT_TRUE(GlobMatches("a**b", "ab"));
}

TEST(GlobTest, AQuestionMarkIsOneCharacterOfAnyLength) {
  EXPECT_TRUE(GlobMatches("caf?", "caf\u00e9"));
  EXPECT_TRUE(GlobMatches("?", "\U0001F418"));
  EXPECT_FALSE(GlobMatches("??", "\u20ac"));
  EXPECT_FALSE(GlobMatches("*??", "\u20ac"));
  EXPECT_TRUE(GlobMatches("*?", "\u20ac"));
  EXPECT_FALSE(GlobMatches("?", ""));
}

TEST(GlobTest, ABackslashTakesAWildcardItsMeaning) {
  EXPECT_TRUE(GlobMatches("\\*", "*"));
  EXPECT_FALSE(GlobMatches("\\*", "x"));
  EXPECT_TRUE(GlobMatches("a\\?b", "a?b"));
  EXPECT_FALSE(GlobMatches("a\\?b", "axb"));
  EXPECT_TRUE(GlobMatches("\\\\", "\\"));
  EXPECT_TRUE(GlobMatches("\\a*", "abc"));
  EXPECT_TRUE(GlobMatches("*\\*", "ab*"));
}

// The definition, taken literally; exponential, so only for short ones.
bool Definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern[0] == '*') {
    return Definition(pattern.substr(1), text) ||
           (!text.empty() && Definition(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         Definition(pattern.substr(1), text.substr(1));
}

TEST(GlobTest, AgreesWithTheDefinitionOnRandomPatterns) {
  std::mt19937 random(1);
  const auto some = [&random](std::string_view alphabet) {
    std::string text;
    for (std::size_t left = random() % 9; left > 0; --left) {
      text += alphabet[random() % alphabet.size()];
    }
    return text;
  };
  int matches = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string pattern = some("ab*?");
    const std::string text = some("ab");
    ASSERT_EQ(GlobMatches(pattern, text), Definition(pattern, text)) << pattern << ' ' << text;
    matches += Definition(pattern, text) ? 1 : 0;
  }
  EXPECT_GT(matches, 10'000);
}

TEST(GlobTest, NoPatternTakesLong) {
  std::string pattern;
  while (pattern.size() < 500) {
    pattern += "a*";
  }
  const std::string text(100'000, 'a');
  EXPECT_FALSE(GlobMatches(pattern + "b", text));
  EXPECT_TRUE(GlobMatches(pattern, text));
}

TEST(GlobTest, WhatIsNoPatternIsSaid) {
  EXPECT_EQ(GlobFault("a*\\\\"), nullptr);
  EXPECT_EQ(GlobFault(std::string(512, 'a')), nullptr);
  EXPECT_STREQ(GlobFault(""), "is empty");
  EXPECT_STREQ(GlobFault("a\\"), "ends with a backslash");
  EXPECT_STREQ(GlobFault("a\\\\\\"), "ends with a backslash");
  EXPECT_STREQ(GlobFault(std::string(513, 'a')), "is longer than 512 bytes");
  EXPECT_STREQ(GlobFault("caf\xe9"), "is not valid UTF-8, or has control characters");
  EXPECT_STREQ(GlobFault(std::string_view("\0", 1)),
               "is not valid UTF-8, or has control characters");
}

}  // namespace
}  // namespace pg_hello::selection
