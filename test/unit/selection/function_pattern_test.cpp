#include "pg_hello/selection/function_pattern.h"

#include <gtest/gtest.h>

#include <string_view>

#include "pg_hello/selection/filter.h"

namespace pg_hello::selection {
namespace {

constexpr FunctionName kTransfer{"shop", "public", "transfer(integer,numeric)"};
constexpr FunctionName kOdd{"my.db:1", "Sales.EU", "\"odd, name\"(text,audit.entry)"};

bool Matches(std::string_view list, const FunctionName& name) {
  const ParsedPatterns parsed = ParsePatterns(list);
  EXPECT_EQ(parsed.fault, "") << list;
  return parsed.list.Matches(name);
}

TEST(FunctionPatternTest, APatternNamesSchemaAndFunction) {
  EXPECT_TRUE(Matches("public.transfer(integer,numeric)", kTransfer));
  EXPECT_FALSE(Matches("public.transfer(integer)", kTransfer));
  EXPECT_FALSE(Matches("private.transfer(integer,numeric)", kTransfer));
  EXPECT_TRUE(Matches("public.trans*", kTransfer));
  EXPECT_TRUE(Matches("*.*", kTransfer));
}

TEST(FunctionPatternTest, WithoutParenthesesItHasAnyArguments) {
  EXPECT_TRUE(Matches("public.transfer", kTransfer));
  EXPECT_TRUE(Matches("public.transfer", {"x", "public", "transfer()"}));
  EXPECT_FALSE(Matches("public.transfer", {"x", "public", "transfers()"}));
  EXPECT_FALSE(Matches("public.trans", kTransfer));
  EXPECT_FALSE(Matches("public.transfer()", kTransfer));
}

TEST(FunctionPatternTest, ADatabaseCanBeNamedToo) {
  EXPECT_TRUE(Matches("shop:public.transfer", kTransfer));
  EXPECT_TRUE(Matches("sh?p:*.transfer", kTransfer));
  EXPECT_FALSE(Matches("bank:public.transfer", kTransfer));
}

TEST(FunctionPatternTest, AListMatchesIfOneOfThemDoes) {
  EXPECT_TRUE(Matches("a.b, public.transfer ,c.d", kTransfer));
  EXPECT_TRUE(Matches("a.b(int,text), public.transfer(integer,numeric)", kTransfer));
  EXPECT_TRUE(Matches("public.transfer(integer,numeric),a.b", kTransfer));
  EXPECT_FALSE(Matches("a.b,c.d", kTransfer));
  EXPECT_FALSE(Matches("", kTransfer));
  EXPECT_FALSE(Matches(" \n", kTransfer));
  EXPECT_EQ(ParsePatterns("a.b(int,text), public.x").list.patterns.size(), 2U);
}

TEST(FunctionPatternTest, ABackslashMakesSeparatorsPartOfANames) {
  EXPECT_TRUE(Matches(R"(my\.db\:1:Sales\.EU."odd\, name")", kOdd));
  EXPECT_TRUE(Matches(R"(Sales\.EU."odd\, name"(text,audit.entry))", kOdd));
  EXPECT_FALSE(Matches(R"(Sales.EU.*)", kOdd));
  EXPECT_TRUE(Matches(R"(a.\(*)", {"x", "a", "(\"()"}));
}

TEST(FunctionPatternTest, WhatIsWrongIsSaid) {
  const auto fault = [](std::string_view list) {
    const ParsedPatterns parsed = ParsePatterns(list);
    EXPECT_TRUE(parsed.list.patterns.empty());
    return parsed.fault;
  };
  EXPECT_EQ(fault("a.b,,c.d"), "List of patterns has an empty element.");
  EXPECT_EQ(fault("a.b, "), "List of patterns has an empty element.");
  EXPECT_EQ(fault("a.b,transfer"),
            "Pattern \"transfer\" has no schema: write \"schema.function\".");
  EXPECT_EQ(fault("shop:transfer"),
            "Pattern \"shop:transfer\" has no schema: write \"schema.function\".");
  EXPECT_EQ(fault(".b"), "The schema of pattern \".b\" is empty.");
  EXPECT_EQ(fault("a."), "The function of pattern \"a.\" is empty.");
  EXPECT_EQ(fault(":a.b"), "The database name of pattern \":a.b\" is empty.");
  EXPECT_EQ(fault("a.b\\"), "The function of pattern \"a.b\\\" ends with a backslash.");
}

TEST(FilterTest, NothingAskedForIsEverything) {
  EXPECT_TRUE(Filter().Matches(kTransfer));
  EXPECT_TRUE(Filter().Matches(kOdd));
}

TEST(FilterTest, OneOfANameSufficesAndEachNameMustBeSatisfied) {
  Filter filter;
  const char* fault = nullptr;
  EXPECT_TRUE(filter.Add("datname", "bank", &fault));
  EXPECT_FALSE(filter.Matches(kTransfer));
  EXPECT_TRUE(filter.Add("datname", "sh*", &fault));
  EXPECT_TRUE(filter.Matches(kTransfer));
  EXPECT_TRUE(filter.Add("schema", "public", &fault));
  EXPECT_TRUE(filter.Add("function", "transfer", &fault));
  EXPECT_TRUE(filter.Matches(kTransfer));
  EXPECT_FALSE(filter.Matches({"shop", "public", "fee(numeric)"}));
  EXPECT_FALSE(filter.Matches({"shop", "private", "transfer(integer,numeric)"}));
  EXPECT_TRUE(filter.Matches({"bank", "public", "transfer()"}));
}

TEST(FilterTest, OtherParametersAreNoneOfItsBusiness) {
  Filter filter;
  const char* fault = nullptr;
  EXPECT_TRUE(filter.Add("name[]", "", &fault));
  EXPECT_TRUE(filter.Add("Datname", "bank", &fault));
  EXPECT_TRUE(filter.Matches(kTransfer));
}

TEST(FilterTest, AValueThatIsNoPatternIsRefused) {
  Filter filter;
  const char* fault = nullptr;
  EXPECT_FALSE(filter.Add("datname", "", &fault));
  EXPECT_STREQ(fault, "is empty");
  EXPECT_FALSE(filter.Add("function", "f\\", &fault));
  EXPECT_TRUE(filter.Matches(kTransfer));
}

}  // namespace
}  // namespace pg_hello::selection
