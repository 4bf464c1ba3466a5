// The report as a page.
#include <algorithm>
#include <cmath>
#include <map>

#include "ctl/performance_report.h"
#include "ctl/plots.h"
#include "ctl/report.h"
#include "ctl/work_table.h"

namespace pg_hello::ctl {
namespace {

constexpr std::size_t kMostBars = 12;
constexpr std::size_t kMostHistograms = 4;

constexpr char kStyle[] = R"(
:root { color-scheme: light dark; --page: #fbfbfa; --card: #ffffff; --ink: #1d2127; --soft: #5c6570;
  --line: #dfe3e8; --mark: #2463c4; --pale: #a9c4ec; --ok: #1a7f43; --warning: #9a5b00;
  --critical: #c0242c; --unknown: #7a3fb0; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1c2026; --ink: #e7eaee;
  --soft: #9aa4af; --line: #323842; --mark: #74a8f5; --pale: #35527f; --ok: #5bc48a;
  --warning: #e3a64a; --critical: #f2777d; --unknown: #c39be8; } }
body { background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif;
  margin: 0 auto; max-width: 860px; padding: 24px 16px 48px; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 16px; margin: 32px 0 8px; }
h3 { font-size: 14px; font-weight: 600; margin: 16px 0 4px; overflow-wrap: anywhere; }
p.about, p.note { color: var(--soft); margin: 4px 0 16px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; flex: 1 1 150px;
  padding: 10px 14px; }
.tile b { display: block; font-size: 22px; font-weight: 600; } .tile span { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; }
ul { list-style: none; margin: 16px 0; padding: 0; } li { margin: 4px 0; overflow-wrap: anywhere; }
.status { display: inline-block; font-weight: 600; min-width: 72px; }
.ok { color: var(--ok); } .warning, .slower { color: var(--warning); }
.critical { color: var(--critical); } .unknown { color: var(--unknown); } .faster { color: var(--ok); }
svg { display: block; width: 100%; } svg text { fill: var(--soft); font-size: 12px; }
svg text.name { fill: var(--ink); } .mark { fill: var(--mark); }
.p50, .p99 { fill: var(--card); stroke: var(--mark); stroke-width: 2; }
.line { fill: none; stroke: var(--mark); stroke-width: 2; stroke-linejoin: round; }
.range { stroke: var(--pale); stroke-width: 5; stroke-linecap: round; }
.grid { stroke: var(--line); } .limit { stroke: var(--warning); stroke-dasharray: 5 4; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 4px 8px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
)";

std::string Tile(const std::string& value, const std::string& name) {
  return "<div class=\"tile\"><b>" + EscapeHtml(value) + "</b><span>" + EscapeHtml(name) +
         "</span></div>\n";
}

std::string Cells(const char* tag, const std::vector<std::string>& texts) {
  std::string row = "<tr>";
  for (const std::string& text : texts) {
    row += "<" + std::string(tag) + ">" + EscapeHtml(text) + "</" + tag + ">";
  }
  return row + "</tr>\n";
}

std::string About(const PerformanceReport& report) {
  std::string text =
      "PostgreSQL " + report.server_version + ", pg_hello " + report.library_version + ", ";
  if (report.from > 0) text += Iso8601(report.from) + " to ";
  return text + Iso8601(report.to);
}

std::string Tiles(const PerformanceReport& report) {
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::optional<double> p95;
  for (const Work& work : report.works) {
    calls += work.calls;
    errors += work.errors;
    if (work.p95_ms) p95 = std::max(p95.value_or(0), *work.p95_ms);
  }
  std::string html = "<div class=\"tiles\">\n" + Tile(std::to_string(calls), "calls");
  if (const double seconds = report.Seconds(); seconds > 0) {
    html += Tile(ShortNumber(static_cast<double>(calls) / seconds), "calls per second");
  }
  const auto percent =
      calls > 0
          ? std::optional<double>(100.0 * static_cast<double>(errors) / static_cast<double>(calls))
          : std::nullopt;
  html += Tile(ShortNumber(percent) + " %", "ended in an error");
  return html + Tile(ShortNumber(p95) + " ms", "p95 of the slowest function") + "</div>\n";
}

std::string FindingsList(const Findings& findings) {
  std::string html = "<ul>\n";
  for (const Finding& finding : findings) {
    const std::string name(Name(finding.severity));
    html += "<li><span class=\"status " + name + "\">" + name + "</span> " +
            EscapeHtml(OneLine(finding.message));
    if (!finding.hint.empty()) html += " <i>" + EscapeHtml(OneLine(finding.hint)) + "</i>";
    html += "</li>\n";
  }
  return html + "</ul>\n";
}

std::string TimePlots(const PerformanceReport& report) {
  if (report.moments.size() < 2) return "";
  std::vector<Point> rates;
  std::vector<Point> latencies;
  for (const Moment& moment : report.moments) {
    rates.push_back({moment.seconds, moment.calls_per_second});
    latencies.push_back({moment.seconds, moment.p95_ms});
  }
  return "<h2>Over the time</h2>\n<div class=\"card\"><h3>Calls per second</h3>\n" +
         LinePlot(rates, "calls/s", std::nullopt) + "<h3>p95 of all calls, in milliseconds</h3>\n" +
         LinePlot(latencies, "ms", report.objectives.p95_ms) + "</div>\n";
}

std::vector<Work> ByTime(std::vector<Work> works) {
  std::stable_sort(works.begin(), works.end(),
                   [](const Work& left, const Work& right) { return left.sum_ms > right.sum_ms; });
  return works;
}

std::string Bars(const std::vector<Work>& by_time) {
  std::vector<Bar> bars;
  for (const Work& work : by_time) {
    if (bars.size() == kMostBars) break;
    bars.push_back({work.function, work.sum_ms});
  }
  return "<h2>Where the time goes</h2>\n<div class=\"card\">" + BarPlot(bars) + "</div>\n";
}

std::string Ranges(const std::vector<Work>& by_time, double objective) {
  std::vector<Range> ranges;
  for (const Work& work : by_time) {
    if (ranges.size() == kMostBars || !work.p50_ms || !work.p95_ms || !work.p99_ms) continue;
    ranges.push_back({work.function, *work.p50_ms, *work.p95_ms, *work.p99_ms});
  }
  if (ranges.empty()) return "";
  return "<h2>How long calls take</h2>\n<p class=\"note\">From p50 to p99, both hollow; p95 is "
         "filled.</p>\n"
         "<div class=\"card\">" +
         RangePlot(ranges, objective) + "</div>\n";
}

// Stored buckets lie each in one of those whose bounds are powers of sqrt(2) seconds.
std::vector<Column> Columns(const Work& work, const std::vector<double>& bounds) {
  std::map<int, double> calls;
  for (std::size_t i = 0; i < work.buckets.size() && i < bounds.size(); ++i) {
    if (work.buckets[i] == 0) continue;
    const double seconds = (std::isinf(bounds[i]) ? bounds[i - 1] * 1.01 : bounds[i]) / 1000;
    calls[static_cast<int>(std::ceil(2 * std::log2(seconds) - 1e-6))] +=
        static_cast<double>(work.buckets[i]);
  }
  std::vector<Column> columns;
  if (calls.empty()) return columns;
  for (int power = calls.begin()->first; power <= calls.rbegin()->first; ++power) {
    columns.push_back({std::exp2(power / 2.0) * 1000, calls[power]});
  }
  return columns;
}

std::string Histograms(const std::vector<Work>& by_time, const std::vector<double>& bounds) {
  std::string html;
  for (std::size_t i = 0; i < by_time.size() && i < kMostHistograms; ++i) {
    html += "<h3>" + EscapeHtml(by_time[i].function) + ", calls by duration</h3>\n" +
            HistogramPlot(Columns(by_time[i], bounds));
  }
  return html.empty() ? "" : "<div class=\"card\" style=\"margin-top:12px\">" + html + "</div>\n";
}

std::string WorksTable(const PerformanceReport& report) {
  const double seconds = report.Seconds();
  std::string html = "<h2>All functions</h2>\n<div class=\"card wide\"><table>\n" +
                     Cells("th", {"function", "calls", "calls/s", "errors", "total s", "mean ms",
                                  "p50 ms", "p95 ms", "p99 ms"});
  for (const Work& work : report.works) {
    const auto per = [](double value, double number) {
      return number > 0 ? std::optional<double>(value / number) : std::nullopt;
    };
    html +=
        Cells("td", {work.function, std::to_string(work.calls),
                     ShortNumber(per(static_cast<double>(work.calls), seconds)),
                     std::to_string(work.errors), ShortNumber(work.sum_ms / 1000),
                     ShortNumber(per(work.sum_ms, static_cast<double>(work.timed_calls))),
                     ShortNumber(work.p50_ms), ShortNumber(work.p95_ms), ShortNumber(work.p99_ms)});
  }
  return html + "</table></div>\n";
}

std::string ComparisonTable(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return "";
  std::string html = "<h2>Against the baseline</h2>\n<div class=\"card wide\"><table>\n" +
                     Cells("th", {"function", "verdict", "ratio", "mean ms then", "mean ms now",
                                  "p95 ms then", "p95 ms now"});
  for (const Comparison& one : comparisons) {
    if (IsReader(one.function, "pg_hello")) continue;
    std::string row =
        Cells("td", {one.function, one.verdict, ShortNumber(one.ratio),
                     ShortNumber(one.baseline_ms), ShortNumber(one.current_ms),
                     ShortNumber(one.baseline_p95_ms), ShortNumber(one.current_p95_ms)});
    const std::string cell = "<td>" + one.verdict + "</td>";
    if (const std::size_t at = row.find(cell);
        at != row.npos && one.verdict.find(' ') == one.verdict.npos) {
      row.insert(at + 3, " class=\"" + one.verdict + "\"");
    }
    html += row;
  }
  return html + "</table></div>\n";
}

}  // namespace

std::string AsHtml(const PerformanceReport& report) {
  const std::string title = "Functions of " + report.database + " " + report.title;
  const std::vector<Work> by_time = ByTime(report.works);
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      EscapeHtml(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<h1>" +
      EscapeHtml(title) + "</h1>\n<p class=\"about\">" + EscapeHtml(About(report)) + "</p>\n" +
      Tiles(report) + FindingsList(report.findings) + TimePlots(report);
  if (!by_time.empty()) {
    html += Bars(by_time) + Ranges(by_time, report.objectives.p95_ms) +
            Histograms(by_time, report.bucket_bounds);
  }
  html += ComparisonTable(report.comparisons);
  if (!by_time.empty()) html += WorksTable(report);
  return html + "</body>\n</html>\n";
}

}  // namespace pg_hello::ctl
