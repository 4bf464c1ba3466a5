// The report as a page: complete in itself, and safe whatever names functions have.
#include "ctl/performance_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ctl/plots.h"

namespace pg_hello::ctl {
namespace {

PerformanceReport Sample() {
  PerformanceReport report{
      .title = "over 2 seconds", .database = "a <b>", .from = 1000, .to = 3000};
  report.bucket_bounds = {0.5, 1, 2};
  report.works = {{.function = "s.\"<script>alert(1)</script>\"()",
                   .calls = 4,
                   .timed_calls = 4,
                   .sum_ms = 6,
                   .max_ms = 2,
                   .buckets = {1, 0, 3},
                   .p50_ms = 1,
                   .p90_ms = 1.5,
                   .p95_ms = 1.9,
                   .p99_ms = 2},
                  {.function = "s.\xff()", .calls = 1}};
  report.moments = {{1, 2, std::nullopt}, {2, 2, 1.5}};
  report.comparisons = {{.function = "s.f()", .verdict = "slower", .ratio = 2}};
  report.findings = {{"errors", Severity::kOk, "a <b>", "0 of 5 & no more", ""}};
  return report;
}

TEST(PerformanceReportTest, IsOnePageThatNeedsNothingElse) {
  const std::string html = AsHtml(Sample());
  for (const char* const elsewhere :
       {"<script", "src=", "href=", "url(", "@import", "http:", "https:"}) {
    EXPECT_EQ(html.find(elsewhere), html.npos) << elsewhere;
  }
  EXPECT_NE(html.find("prefers-color-scheme: dark"), html.npos);
}

TEST(PerformanceReportTest, ShowsEveryPart) {
  const std::string html = AsHtml(Sample());
  for (const char* const part :
       {"over 2 seconds", "Over the time", "Where the time goes", "How long calls take",
        "calls by duration", "Against the baseline", "All functions", "class=\"slower\"",
        "0 of 5 &amp; no more", "a &lt;b&gt;"}) {
    EXPECT_NE(html.find(part), html.npos) << part;
  }
}

TEST(PerformanceReportTest, PutsBucketsIntoColumnsWithoutLosingCalls) {
  const std::string html = AsHtml(Sample());
  EXPECT_NE(html.find(": 1 calls</title>"), html.npos);
  EXPECT_NE(html.find(": 3 calls</title>"), html.npos);
}

TEST(PerformanceReportTest, SaysWhenNothingWasCalled) {
  PerformanceReport report = Sample();
  report.works.clear();
  report.moments.clear();
  EXPECT_NE(AsHtml(report).find("<b>0</b><span>calls"), std::string::npos);
  EXPECT_EQ(AsText(report, false), "ok: database \"a <b>\": 0 of 5 & no more\n");
}

TEST(PerformanceReportTest, IsJson) {
  const auto json = nlohmann::json::parse(AsJson(Sample()));
  EXPECT_EQ(json["status"], "ok");
  EXPECT_EQ(json["from"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(json["functions"][0]["calls_per_second"], 2);
  EXPECT_EQ(json["functions"][0]["mean_ms"], 1.5);
  EXPECT_TRUE(json["functions"][1]["p95_ms"].is_null());
  EXPECT_EQ(json["comparisons"][0]["verdict"], "slower");
  EXPECT_EQ(json["moments"].size(), 2);
}

TEST(EscapeHtmlTest, LeavesNothingThatHasAMeaning) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
  EXPECT_EQ(EscapeHtml("caf\xc3\xa9 \xe9 \x01 \xf0\x9f\x98\x80 \xe2\x82"),
            "caf\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd \xf0\x9f\x98\x80 \xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace pg_hello::ctl
