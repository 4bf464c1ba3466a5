// Plots as inline SVG, whose colours are the page's CSS variables. Hovering shows values by
// <title>.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pg_hello::ctl {

// Text of an HTML page or of an attribute in double quotes. Bytes that are not UTF-8 and control
// characters become U+FFFD.
std::string EscapeHtml(std::string_view text);

struct Point {
  double x;
  std::optional<double> y;  // none: a gap
};

// A line over seconds, from zero on. `limit`: a dashed line.
std::string LinePlot(const std::vector<Point>& points, const std::string& unit,
                     std::optional<double> limit);

struct Bar {
  std::string name;
  double ms;
};

// Durations, each a bar.
std::string BarPlot(const std::vector<Bar>& bars);

struct Range {
  std::string name;
  double low;     // p50
  double middle;  // p95
  double high;    // p99
};

// Milliseconds on a logarithmic axis.
std::string RangePlot(const std::vector<Range>& ranges, double limit);

// Calls by duration: `upper_bounds` in milliseconds, each a factor of sqrt(2) above the one before.
struct Column {
  double upper_bound;
  double calls;
};

std::string HistogramPlot(const std::vector<Column>& columns);

}  // namespace pg_hello::ctl
