#include "ctl/work_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "ctl/report.h"

namespace pg_hello::ctl {
namespace {

std::optional<double> PerSecond(const Work& work, double seconds) {
  if (seconds <= 0) return std::nullopt;
  return static_cast<double>(work.calls) / seconds;
}

std::optional<double> Mean(const Work& work) {
  if (work.timed_calls <= 0) return std::nullopt;
  return work.sum_ms / static_cast<double>(work.timed_calls);
}

// Characters, of which UTF-8's later bytes are none.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::string ShortNumber(std::optional<double> number) {
  if (!number) return "-";
  char text[64];
  const double size = std::fabs(*number);
  const int decimals =
      size >= 1000 || size == 0 ? 0 : 3 - static_cast<int>(std::floor(std::log10(size)));
  std::snprintf(text, sizeof text, "%.*f", std::clamp(decimals, 0, 6), *number);
  return text;
}

std::string WorkTable(const std::vector<Work>& works, double seconds) {
  std::vector<std::array<std::string, 8>> rows = {
      {"function", "calls", "calls/s", "errors", "mean ms", "p50 ms", "p95 ms", "p99 ms"}};
  for (const Work& work : works) {
    rows.push_back({OneLine(work.function), std::to_string(work.calls),
                    ShortNumber(PerSecond(work, seconds)), std::to_string(work.errors),
                    ShortNumber(Mean(work)), ShortNumber(work.p50_ms), ShortNumber(work.p95_ms),
                    ShortNumber(work.p99_ms)});
  }
  std::array<std::size_t, 8> widths = {};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += '\n';
  }
  return text;
}

nlohmann::ordered_json WorkJson(const std::vector<Work>& works, double seconds) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const auto number = [](std::optional<double> value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  for (const Work& work : works) {
    list.push_back({{"function", work.function},
                    {"calls", work.calls},
                    {"calls_per_second", number(PerSecond(work, seconds))},
                    {"errors", work.errors},
                    {"mean_ms", number(Mean(work))},
                    {"p50_ms", number(work.p50_ms)},
                    {"p90_ms", number(work.p90_ms)},
                    {"p95_ms", number(work.p95_ms)},
                    {"p99_ms", number(work.p99_ms)}});
  }
  return list;
}

}  // namespace pg_hello::ctl
