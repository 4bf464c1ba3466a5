// OpenMetrics 1.0.0, by the rules of its specification and compared with a golden file.
#include "pg_hello/exposition/openmetrics_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "golden.h"
#include "render.h"
#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::TwoFunctions;

std::string Render(const snapshot::Snapshot& snapshot, std::size_t* samples = nullptr,
                   Options options = {}) {
  return pg_hello::testing::RenderAs(Format::kOpenMetrics, snapshot, samples, std::move(options));
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(OpenMetricsFormatTest, MatchesTheGoldenFile) {
  pg_hello::testing::ExpectGolden("two_functions.openmetrics", Render(TwoFunctions()));
}

TEST(OpenMetricsFormatTest, EndsWithEof) {
  for (const snapshot::Snapshot& snapshot : {snapshot::Snapshot{}, TwoFunctions()}) {
    const std::string text = Render(snapshot);
    EXPECT_TRUE(text.ends_with("\n# EOF\n"));
    EXPECT_EQ(text.find("# EOF"), text.size() - 6);
  }
}

TEST(OpenMetricsFormatTest, DescribesEachFamilyByItsOwnName) {
  const std::string text = Render(snapshot::Snapshot{});
  EXPECT_TRUE(Contains(
      text, "# TYPE pg_hello_function_calls counter\n# HELP pg_hello_function_calls Comp"));
  EXPECT_TRUE(Contains(text,
                       "# TYPE pg_hello_function_self_seconds counter\n"
                       "# UNIT pg_hello_function_self_seconds seconds\n"
                       "# HELP pg_hello_function_self_seconds Wall"));
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_build info\n# HELP pg_hello_build Versions"));
  EXPECT_TRUE(Contains(text, "\npg_hello_build_info{version=\"\",postgres_version=\"\"} 1\n"));
  EXPECT_TRUE(Contains(text, "# UNIT pg_hello_shared_memory_bytes bytes\n"));
}

TEST(OpenMetricsFormatTest, SamplesAreOfTheFamilyBeforeThemAndHaveASuffixOfItsType) {
  std::string family;
  std::string type;
  for (const std::string& line : Lines(Render(TwoFunctions()))) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      words >> family >> type;
    } else if (!line.starts_with("#")) {
      ASSERT_TRUE(line.starts_with(family)) << line;
      const std::string suffix =
          line.substr(family.size(), line.find_first_of("{ ") - family.size());
      const std::set<std::string> allowed =
          type == "counter"     ? std::set<std::string>{"_total", "_created"}
          : type == "histogram" ? std::set<std::string>{"_bucket", "_sum", "_count", "_created"}
          : type == "info"      ? std::set<std::string>{"_info"}
                                : std::set<std::string>{""};
      EXPECT_TRUE(allowed.contains(suffix)) << type << " " << line;
    }
  }
}

TEST(OpenMetricsFormatTest, SaysWhenFunctionsBeganToCount) {
  const std::string text = Render(TwoFunctions());
  EXPECT_TRUE(Contains(text,
                       "pg_hello_function_calls_total{datname=\"app\",schema=\"public\",function="
                       "\"pg_hello(text)\"} 8\n"
                       "pg_hello_function_calls_created{datname=\"app\",schema=\"public\",function="
                       "\"pg_hello(text)\"} 1795410800.5\n"));
  EXPECT_TRUE(Contains(text, "sqlstate_class=\"22\"} 1\npg_hello_function_error_origins_created{"));
  EXPECT_TRUE(Contains(text, "pg_hello_function_duration_seconds_created{"));
  EXPECT_FALSE(Contains(text, "pg_hello_function_active_created"));
  EXPECT_FALSE(Contains(text, "pg_hello_scrapes_created")) << "nobody knows since when";
}

TEST(OpenMetricsFormatTest, CountsItsSamples) {
  for (const snapshot::Snapshot& snapshot : {snapshot::Snapshot{}, TwoFunctions()}) {
    std::size_t samples = 0;
    const std::vector<std::string> lines = Lines(Render(snapshot, &samples));
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                            [](const std::string& line) { return !line.starts_with("#"); }),
              static_cast<std::ptrdiff_t>(samples));
  }
}

// OpenMetrics 1.0, "Canonical Numbers": as Go's %g, and always recognisable as a float.
TEST(OpenMetricsFormatTest, WritesCanonicalBounds) {
  const std::string text = Render(TwoFunctions());
  std::vector<std::string> bounds;
  for (const std::string& line : Lines(text)) {
    const std::size_t le = line.find(",le=\"");
    if (le != std::string::npos && Contains(line, "pg_hello(text)")) {
      bounds.push_back(line.substr(le + 5, line.find('"', le + 5) - le - 5));
    }
  }
  const std::vector<std::string> expected = {
      "1e-06",  "2.5e-06", "5e-06",  "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025",
      "0.0005", "0.001",   "0.0025", "0.005", "0.01",    "0.025", "0.05",   "0.1",
      "0.25",   "0.5",     "1.0",    "2.5",   "5.0",     "10.0",  "30.0",   "+Inf"};
  EXPECT_EQ(bounds, expected);
}

TEST(OpenMetricsFormatTest, EscapesQuotesInHelpToo) {
  constexpr Family kFamily = {FamilyId::kScrapes, "x", FamilyType::kGauge, "", {}, "A \\ and \"."};
  std::string text;
  const auto writer = MakeOpenMetricsWriter(text);
  writer->BeginFamily(kFamily);
  writer->Finish();
  EXPECT_EQ(text, "# TYPE x gauge\n# HELP x A \\\\ and \\\".\n# EOF\n");
}

TEST(OpenMetricsFormatTest, LeavesOutHistogramsThatAreNotWanted) {
  Options options;
  options.functions = {Exposure::kWithoutHistogram, Exposure::kWithoutHistogram};
  const std::string text = Render(TwoFunctions(), nullptr, options);
  EXPECT_FALSE(Contains(text, "pg_hello_function_duration_seconds_"));
  EXPECT_TRUE(Contains(text, "# TYPE pg_hello_function_duration_seconds histogram\n"));
}

}  // namespace
}  // namespace pg_hello::exposition
