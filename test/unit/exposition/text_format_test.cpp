// Text format 0.0.4, read back by a strict parser of its own and compared with a golden file.
#include "pg_hello/exposition/text_format.h"

#include <gtest/gtest.h>

#include <clocale>
#include <locale>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "golden.h"
#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::AddCall;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;
using pg_hello::testing::TwoFunctions;

std::string Render(const snapshot::Snapshot& snapshot) { return RenderText(snapshot, nullptr); }

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    EXPECT_NE(end, std::string_view::npos) << "the last line has no LF";
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// An exposition taken apart: "name{labels}" -> value; fails the test on anything unexpected.
struct Parsed {
  std::map<std::string, std::string> samples;
  std::map<std::string, int> helps;
  std::map<std::string, int> types;
};

Parsed Parse(std::string_view text) {
  Parsed parsed;
  std::string family;
  for (const std::string& line : Lines(text)) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      ++parsed.helps[family];
    } else if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_EQ(name, family) << "TYPE must follow HELP of the same family";
      ++parsed.types[name];
    } else {
      EXPECT_TRUE(line.starts_with(family)) << line << " is not of " << family;
      const std::size_t space = line.rfind(' ');
      EXPECT_NE(space, std::string::npos) << line;
      EXPECT_TRUE(parsed.samples.emplace(line.substr(0, space), line.substr(space + 1)).second)
          << "two series " << line.substr(0, space);
      EXPECT_EQ(line.find_first_not_of("0123456789.-", space + 1), std::string::npos) << line;
    }
  }
  return parsed;
}

TEST(TextFormatTest, MatchesTheGoldenFile) {
  pg_hello::testing::ExpectGolden("two_functions.prom", Render(TwoFunctions()));
}

TEST(TextFormatTest, AnnouncesEveryFamilyExactlyOnce) {
  for (const snapshot::Snapshot& snapshot : {snapshot::Snapshot{}, TwoFunctions()}) {
    const Parsed parsed = Parse(Render(snapshot));
    EXPECT_EQ(parsed.helps.size(), kFamilyCount);
    EXPECT_EQ(parsed.types.size(), kFamilyCount);
    for (const Family& family : kFamilies) {
      const std::string name = std::string(family.name).append(SeriesSuffix(family.type));
      EXPECT_EQ(parsed.helps.at(name), 1) << name;
      EXPECT_EQ(parsed.types.at(name), 1) << name;
    }
  }
}

TEST(TextFormatTest, CountsItsSamples) {
  for (const snapshot::Snapshot& snapshot : {snapshot::Snapshot{}, TwoFunctions()}) {
    std::size_t samples = 0;
    const std::string text = RenderText(snapshot, &samples);
    EXPECT_EQ(Parse(text).samples.size(), samples);
  }
}

TEST(TextFormatTest, HasNoFunctionSeriesInAnEmptySnapshot) {
  const std::string text = Render(snapshot::Snapshot{});
  EXPECT_TRUE(Contains(text,
                       "# TYPE pg_hello_function_calls_total counter\n"
                       "# HELP pg_hello_function_errors_total "));
  EXPECT_TRUE(Contains(text, "\npg_hello_tracked_functions 0\n"));
  EXPECT_TRUE(Contains(text, "\npg_hello_build_info{version=\"\",postgres_version=\"\"} 1\n"));
}

TEST(TextFormatTest, TypesAreThoseOfTheFormat) {
  const std::string text = Render(snapshot::Snapshot{});
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_function_calls_total counter\n"));
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_function_duration_seconds histogram\n"));
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_function_active gauge\n"));
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_function_info gauge\n"));
}

TEST(TextFormatTest, EscapesLabelValues) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases[0].datname = "\\";
  snapshot.functions.push_back(MakeFunction(1, "\"\"", "a\\b\"c\nd\\n"));
  snapshot.server.postgres_version = "15\n\"x\\";
  const std::string text = Render(snapshot);
  EXPECT_TRUE(Contains(text,
                       "\npg_hello_function_calls_total{datname=\"\\\\\",schema=\"\\\"\\\"\","
                       "function=\"a\\\\b\\\"c\\nd\\\\n\"} 0\n"));
  EXPECT_TRUE(Contains(text, "postgres_version=\"15\\n\\\"x\\\\\"} 1\n"));
  EXPECT_TRUE(Contains(text, "\npg_hello_overflow_calls_total{datname=\"\\\\\"} 0\n"));
  Parse(text);
}

TEST(TextFormatTest, EscapesHelpButNotItsQuotes) {
  constexpr Family kFamily = {FamilyId::kScrapes, "x", FamilyType::kGauge, "", {},
                              "A \\ and\na \"."};
  std::string text;
  const auto writer = MakeTextWriter(text);
  writer->BeginFamily(kFamily);
  writer->Finish();
  EXPECT_EQ(text, "# HELP x A \\\\ and\\na \".\n# TYPE x gauge\n");
}

TEST(TextFormatTest, WritesAHistogramWithoutLabels) {
  constexpr Family kFamily = {FamilyId::kScrapes, "x", FamilyType::kHistogram, "", {}, "X."};
  std::string text;
  const auto writer = MakeTextWriter(text);
  writer->BeginFamily(kFamily);
  EXPECT_EQ(
      writer->Histogram(FamilyWriter::kNoLabels, snapshot::Buckets{}, Decimal::Integer(0), true),
      measure::kClassicBounds.size() + 3);
  writer->Finish();
  EXPECT_TRUE(Contains(text, "\nx_bucket{le=\"1e-06\"} 0\n"));
  EXPECT_TRUE(Contains(text, "\nx_bucket{le=\"+Inf\"} 0\nx_sum 0\nx_count 0\n"));
}

TEST(TextFormatTest, PrintsTheGreatestCountersExactly) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions[0].calls = UINT64_MAX;
  snapshot.functions[0].inclusive_ns = UINT64_MAX;
  snapshot.functions[0].buckets[0] = UINT64_MAX;
  const Parsed parsed = Parse(Render(snapshot));
  const std::string labels = "{datname=\"app\",schema=\"public\",function=\"f()\"}";
  EXPECT_EQ(parsed.samples.at("pg_hello_function_calls_total" + labels), "18446744073709551615");
  EXPECT_EQ(parsed.samples.at("pg_hello_function_inclusive_seconds_total" + labels),
            "18446744073.709551615");
  EXPECT_EQ(parsed.samples.at("pg_hello_function_duration_seconds_count" + labels),
            "18446744073709551615");
}

TEST(TextFormatTest, BucketsAreCumulativeAndEndWithTheCount) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < measure::kBucketCount; ++i) {
    snapshot.functions[0].buckets[i] = i + 1;
    total += i + 1;
  }
  const Parsed parsed = Parse(Render(snapshot));
  const std::string name = "pg_hello_function_duration_seconds";
  const std::string labels = "datname=\"app\",schema=\"public\",function=\"f()\"";
  std::uint64_t previous = 0;
  for (const measure::ClassicBound& bound : measure::kClassicBounds) {
    const std::uint64_t count =
        std::stoull(parsed.samples.at(name + "_bucket{" + labels + ",le=\"" + bound.le + "\"}"));
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < measure::kBoundCount && measure::kUpperBoundsNs[i] <= bound.ns;
         ++i) {
      expected += i + 1;
    }
    EXPECT_EQ(count, expected) << bound.le;
    EXPECT_GT(count, previous) << bound.le;
    previous = count;
  }
  const std::string& infinity = parsed.samples.at(name + "_bucket{" + labels + ",le=\"+Inf\"}");
  EXPECT_EQ(infinity, std::to_string(total));
  EXPECT_EQ(infinity, parsed.samples.at(name + "_count{" + labels + "}"));
}

TEST(TextFormatTest, ACallOnABoundIsInTheBoundsBucket) {
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    snapshot::Snapshot snapshot = MakeSnapshot();
    snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
    AddCall(snapshot.functions[0], measure::kClassicBounds[i].ns);
    const std::string text = Render(snapshot);
    EXPECT_TRUE(Contains(text, std::string(",le=\"") + measure::kClassicBounds[i].le + "\"} 1\n"));
    if (i > 0) {
      EXPECT_TRUE(
          Contains(text, std::string(",le=\"") + measure::kClassicBounds[i - 1].le + "\"} 0\n"));
    }
  }
}

TEST(TextFormatTest, NoTwoSeriesAreEqualWhateverTheNames) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "app\"", 0});
  // All names of up to three of these characters, each twice, in two schemas.
  const std::string_view alphabet = "a\"\\\n,{} =~1n";
  std::vector<std::string> names = {""};
  for (std::size_t begin = 0, length = 1; length <= 3; ++length) {
    const std::size_t end = names.size();
    for (std::size_t i = begin; i < end; ++i) {
      for (const char c : alphabet) {
        names.push_back(names[i] + c);
      }
    }
    begin = end;
  }
  std::uint32_t funcid = 0;
  for (const char* schema : {"public", "a\""}) {
    for (int twice = 0; twice < 2; ++twice) {
      for (const std::string& name : names) {
        snapshot.functions.push_back(MakeFunction(++funcid % 13, schema, name));
        snapshot.functions.back().database = funcid % 2;
      }
    }
  }
  std::size_t samples = 0;
  const std::string text = RenderText(snapshot, &samples);
  EXPECT_EQ(Parse(text).samples.size(), samples);
}

// Restores the locales, whatever happens.
class LocaleGuard {
 public:
  LocaleGuard() : c_locale_(std::setlocale(LC_ALL, nullptr)) {}
  ~LocaleGuard() {
    std::locale::global(cpp_locale_);
    std::setlocale(LC_ALL, c_locale_.c_str());
  }
  LocaleGuard(const LocaleGuard&) = delete;
  LocaleGuard& operator=(const LocaleGuard&) = delete;

 private:
  std::locale cpp_locale_;
  std::string c_locale_;
};

class GermanNumbers final : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(TextFormatTest, DoesNotDependOnTheLocale) {
  const snapshot::Snapshot snapshot = TwoFunctions();
  const std::string before = Render(snapshot);
  const LocaleGuard guard;
  std::locale::global(std::locale(std::locale::classic(), new GermanNumbers));
  EXPECT_EQ(Render(snapshot), before);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE"}) {  // where installed
    if (std::setlocale(LC_ALL, name) != nullptr) {
      EXPECT_EQ(Render(snapshot), before) << name;
    }
  }
}

TEST(TextFormatTest, LeavesOutHistogramsThatAreNotWanted) {
  snapshot::Snapshot snapshot = TwoFunctions();
  Options options;
  options.functions = {Exposure::kWithoutHistogram, Exposure::kFull};
  std::string text;
  const auto writer = MakeTextWriter(text);
  FamilyWalk walk(snapshot, options, *writer);
  EXPECT_TRUE(walk.Step(SIZE_MAX));
  const Parsed parsed = Parse(text);
  EXPECT_EQ(parsed.samples.size(), walk.samples());
  for (const auto& [series, value] : parsed.samples) {
    EXPECT_FALSE(series.starts_with("pg_hello_function_duration_seconds") &&
                 Contains(series, "pg_hello(text)"))
        << series;
  }
  EXPECT_TRUE(Contains(text, "pg_hello_function_duration_seconds_count{datname=\"caf\xC3\xA9\""));
}

}  // namespace
}  // namespace pg_hello::exposition
