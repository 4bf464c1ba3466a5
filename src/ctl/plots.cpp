#include "ctl/plots.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ctl/work_table.h"

namespace pg_hello::ctl {
namespace {

constexpr double kWidth = 760;

std::string Px(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string Open(double height, const char* label) {
  return "<svg viewBox=\"0 0 " + Px(kWidth) + " " + Px(height) + "\" role=\"img\" aria-label=\"" +
         label + "\">\n";
}

std::string Text(double x, double y, const char* anchor, const std::string& text,
                 const char* kind = "axis") {
  return "<text class=\"" + std::string(kind) + "\" x=\"" + Px(x) + "\" y=\"" + Px(y) +
         "\" text-anchor=\"" + anchor + "\">" + EscapeHtml(text) + "</text>\n";
}

std::string Line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + Px(x1) + "\" y1=\"" + Px(y1) +
         "\" x2=\"" + Px(x2) + "\" y2=\"" + Px(y2) + "\"/>\n";
}

std::string Rectangle(double x, double y, double width, double height, const std::string& title) {
  return "<rect class=\"mark\" x=\"" + Px(x) + "\" y=\"" + Px(y) + "\" width=\"" + Px(width) +
         "\" height=\"" + Px(height) + "\" rx=\"2\"><title>" + EscapeHtml(title) +
         "</title></rect>\n";
}

// 1, 2 or 5 times a power of ten, so that at most five of them are below `greatest`.
double Step(double greatest) {
  const double power = std::pow(10, std::floor(std::log10(greatest / 5)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (greatest / (factor * power) <= 5) return factor * power;
  }
  return 10 * power;
}

std::vector<double> Ticks(double step, double end) {
  std::vector<double> ticks;
  for (int i = 0; i * step <= end; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string Tick(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string Ms(double ms) {
  if (ms >= 1000) return ShortNumber(ms / 1000) + " s";
  if (ms >= 1) return ShortNumber(ms) + " ms";
  return ShortNumber(ms * 1000) + " us";
}

// "1 us", "10 ms", ...
std::string Power(int exponent) {
  const char* const units[] = {" us", " ms", " s"};
  const int from_us = exponent + 3;
  if (from_us < 0 || from_us > 8) return Ms(std::pow(10, exponent));
  return std::to_string(static_cast<int>(std::pow(10, from_us % 3))) + units[from_us / 3];
}

std::string Shortened(const std::string& name, std::size_t most) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(name[i]) & 0xC0) != 0x80;
    if (begins && ++width > most) return name.substr(0, i) + "\xE2\x80\xA6";
  }
  return name;
}

// The length in bytes of the UTF-8 sequence with which `text` begins; 0 if it is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                      ? 1
                             : byte(0) >= 0xF0 && byte(0) < 0xF5 ? 4
                             : byte(0) >= 0xE0 && byte(0) < 0xF0 ? 3
                             : byte(0) >= 0xC2 && byte(0) < 0xE0 ? 2
                                                                 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    const char c = text.front();
    if (length == 0 || (length == 1 && (static_cast<unsigned char>(c) < ' ' || c == '\x7f'))) {
      escaped += "\xEF\xBF\xBD";
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return escaped;
}

std::string LinePlot(const std::vector<Point>& points, const std::string& unit,
                     std::optional<double> limit) {
  constexpr double kLeft = 64, kRight = 14, kTop = 12, kBottom = 28, kHeight = 170;
  double x_end = 1e-9;
  double y_end = 0;
  for (const Point& point : points) {
    x_end = std::max(x_end, point.x);
    y_end = std::max(y_end, point.y.value_or(0));
  }
  // A limit that is far off would press the line to the ground.
  const bool show_limit = limit && *limit <= y_end * 4;
  if (show_limit) y_end = std::max(y_end, *limit);
  y_end = y_end > 0 ? y_end * 1.05 : 1;
  const auto x = [&](double value) { return kLeft + value / x_end * (kWidth - kLeft - kRight); };
  const auto y = [&](double value) {
    return kHeight - kBottom - value / y_end * (kHeight - kBottom - kTop);
  };
  std::string svg = Open(kHeight, "line plot over time");
  for (const double tick : Ticks(Step(y_end), y_end)) {
    svg += Line(kLeft, y(tick), kWidth - kRight, y(tick), "grid");
    svg += Text(kLeft - 8, y(tick) + 4, "end", Tick(tick));
  }
  for (const double tick : Ticks(Step(x_end), x_end * 1.001)) {
    svg += Text(x(tick), kHeight - 8, "middle", Tick(tick) + " s");
  }
  if (show_limit) {
    svg += Line(kLeft, y(*limit), kWidth - kRight, y(*limit), "limit");
    svg += Text(kWidth - kRight, y(*limit) - 4, "end", "objective");
  }
  std::string path;
  bool pen_down = false;
  for (const Point& point : points) {
    if (point.y) path += (pen_down ? " L" : " M") + Px(x(point.x)) + " " + Px(y(*point.y));
    pen_down = point.y.has_value();
  }
  svg += "<path class=\"line\" d=\"" + path + "\"/>\n";
  for (const Point& point : points) {
    if (!point.y) continue;
    svg += "<circle class=\"mark\" cx=\"" + Px(x(point.x)) + "\" cy=\"" + Px(y(*point.y)) +
           "\" r=\"2.5\"><title>" +
           EscapeHtml(ShortNumber(point.x) + " s: " + ShortNumber(point.y) + " " + unit) +
           "</title></circle>\n";
  }
  return svg + "</svg>\n";
}

std::string BarPlot(const std::vector<Bar>& bars) {
  constexpr double kLeft = 250, kRight = 110, kRow = 24;
  double greatest = 1e-12;
  for (const Bar& bar : bars) greatest = std::max(greatest, bar.ms);
  std::string svg = Open(kRow * static_cast<double>(bars.size()) + 4, "bars");
  double top = 2;
  for (const Bar& bar : bars) {
    const double width = std::max(bar.ms / greatest * (kWidth - kLeft - kRight), 1.0);
    svg += Text(kLeft - 8, top + 16, "end", Shortened(bar.name, 36), "name");
    svg += Rectangle(kLeft, top + 4, width, kRow - 8, bar.name + ": " + Ms(bar.ms));
    svg += Text(kLeft + width + 6, top + 16, "start", Ms(bar.ms));
    top += kRow;
  }
  return svg + "</svg>\n";
}

std::string RangePlot(const std::vector<Range>& ranges, double limit) {
  constexpr double kLeft = 250, kRight = 30, kRow = 24, kTop = 22;
  double low = limit;
  double high = limit;
  for (const Range& range : ranges) {
    low = std::min(low, std::max(range.low, 1e-4));
    high = std::max(high, range.high);
  }
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high) + 0.05));
  const double bottom = kTop + kRow * static_cast<double>(ranges.size());
  const auto x = [&](double ms) {
    const double share = (std::log10(std::max(ms, 1e-4)) - first) / (last - first);
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  };
  std::string svg = Open(bottom + 24, "p50, p95 and p99 of each function");
  for (int power = first; power <= last; ++power) {
    const double at = x(std::pow(10, power));
    svg += Line(at, kTop - 4, at, bottom, "grid");
    svg += Text(at, bottom + 16, "middle", Power(power));
  }
  svg += Line(x(limit), kTop - 4, x(limit), bottom, "limit");
  svg += Text(x(limit), kTop - 9, "middle", "objective of p95");
  double y = kTop + kRow / 2;
  for (const Range& range : ranges) {
    svg += Text(kLeft - 8, y + 4, "end", Shortened(range.name, 36), "name");
    svg += "<g><title>" +
           EscapeHtml(range.name + ": p50 " + Ms(range.low) + ", p95 " + Ms(range.middle) +
                      ", p99 " + Ms(range.high)) +
           "</title>\n" + Line(x(range.low), y, x(range.high), y, "range");
    for (const auto& [kind, value] : {std::pair{"p50", range.low}, std::pair{"p99", range.high},
                                      std::pair{"mark", range.middle}}) {
      svg += "<circle class=\"" + std::string(kind) + "\" cx=\"" + Px(x(value)) + "\" cy=\"" +
             Px(y) + "\" r=\"4.5\"/>\n";
    }
    svg += "</g>\n";
    y += kRow;
  }
  return svg + "</svg>\n";
}

std::string HistogramPlot(const std::vector<Column>& columns) {
  constexpr double kLeft = 64, kRight = 14, kTop = 18, kBottom = 28, kHeight = 150;
  if (columns.empty()) return "";
  double greatest = 1e-12;
  for (const Column& column : columns) greatest = std::max(greatest, column.calls);
  // A few calls take no whole width.
  const double slots = std::max(static_cast<double>(columns.size()), 12.0);
  const double width = (kWidth - kLeft - kRight) / slots;
  const double bottom = kHeight - kBottom;
  std::string svg = Open(kHeight, "histogram of durations");
  for (const double tick : Ticks(Step(greatest), greatest)) {
    if (tick == 0) continue;  // the ground, which is there in any case
    const double y = bottom - tick / greatest * (bottom - kTop);
    svg += Line(kLeft, y, kWidth - kRight, y, "grid");
    svg += Text(kLeft - 8, y + 4, "end", Tick(tick));
  }
  svg += Line(kLeft, bottom, kWidth - kRight, bottom, "grid");
  const std::size_t every = columns.size() > 12 ? 4 : 2;  // there is room for so many labels
  double left = kLeft;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    const double height = column.calls / greatest * (bottom - kTop);
    const std::string range =
        Ms(column.upper_bound / std::sqrt(2)) + " to " + Ms(column.upper_bound);
    if (height > 0) {
      svg += Rectangle(left + 1, bottom - std::max(height, 1.0), width - 2, std::max(height, 1.0),
                       range + ": " + Tick(column.calls) + " calls");
    }
    if (i % every == every - 1)
      svg += Text(left + width, kHeight - 8, "middle", Ms(column.upper_bound));
    left += width;
  }
  return svg + "</svg>\n";
}

}  // namespace pg_hello::ctl
