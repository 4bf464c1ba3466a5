// What pg_hello.slo may say, and what is said of what it may not.
#include "pg_hello/objectives/slo_setting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::objectives {
namespace {

std::string FaultOf(const std::string& setting) {
  const ParsedSlos parsed = ParseSlos(setting);
  EXPECT_TRUE(parsed.fault.empty() || parsed.slos.empty());
  return parsed.fault;
}

TEST(SloSettingTest, TheDefaultIsTheGuides) {
  const ParsedSlos parsed = ParseSlos(kDefaultSlos);
  ASSERT_EQ(parsed.fault, "");
  ASSERT_EQ(parsed.slos.size(), 3U);
  EXPECT_EQ(parsed.slos[0].name, "availability");
  EXPECT_EQ(parsed.slos[0].objective_ppb, 999'000'000U);
  EXPECT_EQ(parsed.slos[0].threshold_ns, 0U);
  EXPECT_EQ(parsed.slos[1].name, "latency");
  EXPECT_EQ(parsed.slos[1].objective_ppb, 950'000'000U);
  EXPECT_EQ(parsed.slos[1].threshold_ns, 10'000'000U);
  EXPECT_TRUE(parsed.slos[1].patterns.Matches({"d", "any", "pg_hello(text)"}));
  EXPECT_FALSE(parsed.slos[1].patterns.Matches({"d", "any", "now_ms()"}));
  EXPECT_EQ(parsed.slos[2].objective_ppb, 999'000'000U);
  EXPECT_TRUE(parsed.slos[2].patterns.Matches({"d", "any", "pg_hello_stats_rows()"}));
}

TEST(SloSettingTest, NothingIsNoObjective) {
  for (const char* nothing : {"", " \t\n"}) {
    EXPECT_EQ(FaultOf(nothing), "");
    EXPECT_TRUE(ParseSlos(nothing).slos.empty());
  }
}

TEST(SloSettingTest, BlanksBetweenPartsMeanNothing) {
  for (const char* setting : {"a=99.9%<250ms:shop:b.f(integer,text), c.d",
                              "  a  =\t99.9 % < 250 ms :  shop:b.f(integer,text), c.d  "}) {
    const ParsedSlos parsed = ParseSlos(setting);
    ASSERT_EQ(parsed.slos.size(), 1U) << parsed.fault;
    EXPECT_EQ(parsed.slos[0].name, "a");
    EXPECT_EQ(parsed.slos[0].objective_ppb, 999'000'000U);
    EXPECT_EQ(parsed.slos[0].threshold_ns, 250'000'000U);
    EXPECT_EQ(parsed.slos[0].functions, "shop:b.f(integer,text), c.d");
    EXPECT_TRUE(parsed.slos[0].patterns.Matches({"shop", "b", "f(integer,text)"}));
    EXPECT_TRUE(parsed.slos[0].patterns.Matches({"other", "c", "d()"}));
  }
}

TEST(SloSettingTest, ASemicolonCanBePartOfAPattern) {
  const ParsedSlos parsed = ParseSlos("a = 99%: s.f(\"x;y\"); b = 99%: s.g\\;h(*)");
  ASSERT_EQ(parsed.slos.size(), 2U) << parsed.fault;
  EXPECT_TRUE(parsed.slos[0].patterns.Matches({"d", "s", "f(\"x;y\")"}));
  EXPECT_TRUE(parsed.slos[1].patterns.Matches({"d", "s", "g;h()"}));
}

TEST(SloSettingTest, ObjectivesAreExact) {
  const struct {
    const char* text;
    std::uint64_t ppb;
  } cases[] = {{"50", 500'000'000},         {"99", 990'000'000}, {"99.99", 999'900'000},
               {"99.9999999", 999'999'999}, {"0.0000001", 1},    {"099.50", 995'000'000}};
  for (const auto& [text, ppb] : cases) {
    const ParsedSlos parsed = ParseSlos(std::string("a=") + text + "%: *.*");
    ASSERT_EQ(parsed.slos.size(), 1U) << text << parsed.fault;
    EXPECT_EQ(parsed.slos[0].objective_ppb, ppb) << text;
  }
  for (const char* text : {"0", "0.0", "100", "100.1", "-1", "99.99999999", ".5", "5.", "1e1", "",
                           "99,9", "99999999999999999999"}) {
    EXPECT_EQ(FaultOf(std::string("a=") + text + "%: *.*"),
              "Objective \"a\" has an objective that is not between 0% and 100% with at most 7 "
              "decimals.")
        << text;
  }
}

TEST(SloSettingTest, ThresholdsBecomeTheNearestBound) {
  const struct {
    const char* text;
    std::uint64_t ns;
  } cases[] = {{"1us", 1'000},         {"2.5us", 2'500},        {"10ms", 10'000'000},
               {"0.25s", 250'000'000}, {"30s", 30'000'000'000}, {"128s", 128'000'000'000}};
  const auto threshold = [](const std::string& text) {
    const ParsedSlos parsed = ParseSlos("a=99%<" + text + ": *.*");
    return parsed.slos.empty() ? 0 : parsed.slos[0].threshold_ns;
  };
  for (const auto& [text, ns] : cases) {
    EXPECT_EQ(threshold(text), ns) << text;
  }
  double worst = 0;
  for (int us = 1; us < 2'000'000; us = us * 21 / 20 + 1) {
    const std::uint64_t ns = threshold(std::to_string(us) + "us");
    const auto& bounds = measure::kUpperBoundsNs;
    ASSERT_TRUE(std::find(bounds.begin(), bounds.end(), ns) != bounds.end()) << us;
    const double ratio = static_cast<double>(ns) / (us * 1'000.0);
    worst = std::max(worst, std::max(ratio, 1 / ratio));
  }
  EXPECT_LE(worst, 1.045);
  for (const char* text : {"0.9us", "128.1s", "10", "10m", "ms", "10 ns", "-1ms", "1e3ms", ""}) {
    EXPECT_EQ(FaultOf(std::string("a=99%<") + text + ": *.*"),
              "Objective \"a\" has a threshold that is not between 1us and 128s, such as "
              "\"250ms\".")
        << text;
  }
}

TEST(SloSettingTest, EveryFaultHasItsReason) {
  const std::string no_name =
      "Each objective begins with its name, of at most 63 letters, digits, \"_\" and \"-\", and "
      "\"=\".";
  for (const std::string& setting :
       {std::string("a"), std::string("=99%: *.*"), std::string("a b=99%: *.*"),
        std::string("\xC3\xA9=99%: *.*"), std::string("a=99%: *.*;"),
        std::string(64, 'a') + "=99%: *.*"}) {
    EXPECT_EQ(FaultOf(setting), no_name) << setting;
  }
  EXPECT_EQ(FaultOf(std::string(63, 'a') + "=99%: *.*"), "");
  EXPECT_EQ(FaultOf("a=: *.*"), "Objective \"a\" has no objective in percent, such as \"99.9%\".");
  EXPECT_EQ(FaultOf("a=99%"),
            "Objective \"a\" names no functions: write \":\" and patterns such "
            "as \"schema.function\".");
  EXPECT_EQ(FaultOf("a=99%: f"),
            "Objective \"a\" has a list of functions that cannot be read: Pattern \"f\" has no "
            "schema: write \"schema.function\".");
  EXPECT_EQ(FaultOf("a=99%: *.*; a=98%: *.*"), "There are two objectives \"a\".");
  EXPECT_EQ(FaultOf("a=99%: s." + std::string(510, 'f')),
            "Objective \"a\" has patterns of more than 511 bytes.");
}

TEST(SloSettingTest, ThereAreNotMoreThanHaveAPlace) {
  std::string setting;
  for (int i = 0; i < 32; ++i) {
    setting += (i == 0 ? "s" : ";s") + std::to_string(i) + "=99%:*.*";
  }
  EXPECT_EQ(FaultOf(setting), "");
  EXPECT_EQ(ParseSlos(setting).slos.size(), 32U);
  EXPECT_EQ(FaultOf(setting + ";one=99%:*.*"), "There are more than 32 objectives.");
}

}  // namespace
}  // namespace pg_hello::objectives
