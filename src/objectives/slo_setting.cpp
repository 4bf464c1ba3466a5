// A small parser, part by part; what is wrong is told with the objective's name.
#include "pg_hello/objectives/slo_setting.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/selection/list_scanner.h"
#include "pg_hello/shared/slo_board.h"

namespace pg_hello::objectives {
namespace {

using selection::FindElementEnd;
using selection::WithoutBlanksAround;

constexpr int kObjectiveDecimals = 7;  // of a percentage, so that it is whole parts per billion

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= shared::kMaxSloNameBytes &&
         std::all_of(text.begin(), text.end(), IsNameCharacter);
}

std::optional<std::uint64_t> WholeNumber(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return number;
}

// A decimal number times 10^decimals; nothing if it has more decimals, or is none.
std::optional<std::uint64_t> Scaled(std::string_view text, int decimals) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  const std::string_view fraction = point < text.size() ? text.substr(point + 1) : "0";
  if (digits.empty() || digits.size() > 9 || fraction.empty() ||
      fraction.size() > static_cast<std::size_t>(decimals)) {
    return std::nullopt;
  }
  digits += fraction;
  digits.append(static_cast<std::size_t>(decimals) - fraction.size(), '0');
  return WholeNumber(digits);
}

// "99.9%" -> 999,000,000; empty if all is well.
std::string ParseObjective(std::string_view text, std::uint64_t* ppb) {
  if (!text.ends_with('%')) {
    return "has no objective in percent, such as \"99.9%\"";
  }
  const auto scaled =
      Scaled(WithoutBlanksAround(text.substr(0, text.size() - 1)), kObjectiveDecimals);
  if (!scaled || *scaled == 0 || *scaled >= 1'000'000'000) {
    return "has an objective that is not between 0% and 100% with at most 7 decimals";
  }
  *ppb = *scaled;
  return {};
}

// The bound whose ratio to `ns` is the smallest.
std::uint64_t NearestBound(std::uint64_t ns) {
  const auto& bounds = measure::kUpperBoundsNs;
  const auto above = std::lower_bound(bounds.begin(), bounds.end(), ns);
  if (above == bounds.begin() || *above == ns) {
    return *above;
  }
  const auto high = static_cast<double>(*above);
  const auto low = static_cast<double>(*(above - 1));
  const auto wanted = static_cast<double>(ns);
  return wanted * wanted < low * high ? *(above - 1) : *above;
}

// "250ms" -> nanoseconds of the nearest bound.
std::string ParseThreshold(std::string_view text, std::uint64_t* ns) {
  constexpr std::pair<std::string_view, int> kUnits[] = {{"us", 3}, {"ms", 6}, {"s", 9}};
  for (const auto& [unit, decimals] : kUnits) {
    if (!text.ends_with(unit)) {
      continue;
    }
    const auto scaled =
        Scaled(WithoutBlanksAround(text.substr(0, text.size() - unit.size())), decimals);
    if (!scaled || *scaled < 1'000 || *scaled > measure::kUpperBoundsNs.back()) {
      break;
    }
    *ns = NearestBound(*scaled);
    return {};
  }
  return "has a threshold that is not between 1us and 128s, such as \"250ms\"";
}

std::string ParsePatternsOf(std::string_view text, Slo* slo) {
  if (text.empty()) {
    return "names no functions: write \":\" and patterns such as \"schema.function\"";
  }
  if (text.size() > shared::kMaxSloFunctionsBytes) {
    return "has patterns of more than " + std::to_string(shared::kMaxSloFunctionsBytes) + " bytes";
  }
  selection::ParsedPatterns parsed = selection::ParsePatterns(text);
  if (!parsed.fault.empty()) {
    return "has a list of functions that cannot be read: " + parsed.fault;
  }
  slo->functions = text;
  slo->patterns = std::move(parsed.list);
  return {};
}

// Empty if all is well.
std::string ParseOne(std::string_view text, Slo* slo) {
  const std::size_t equals = text.find('=');
  const std::string_view name = WithoutBlanksAround(text.substr(0, equals));
  if (equals == std::string_view::npos || !IsName(name)) {
    return "Each objective begins with its name, of at most " +
           std::to_string(shared::kMaxSloNameBytes) +
           " letters, digits, \"_\" and \"-\", and \"=\".";
  }
  slo->name = name;
  const std::string_view rest = text.substr(equals + 1);
  const std::size_t colon = std::min(rest.find(':'), rest.size());
  const std::string_view target = rest.substr(0, colon);
  const std::size_t less = std::min(target.find('<'), target.size());
  std::string fault =
      ParseObjective(WithoutBlanksAround(target.substr(0, less)), &slo->objective_ppb);
  if (fault.empty() && less < target.size()) {
    fault = ParseThreshold(WithoutBlanksAround(target.substr(less + 1)), &slo->threshold_ns);
  }
  if (fault.empty()) {
    const std::string_view functions = colon < rest.size() ? rest.substr(colon + 1) : "";
    fault = ParsePatternsOf(WithoutBlanksAround(functions), slo);
  }
  if (fault.empty()) {
    return {};
  }
  return "Objective \"" + slo->name + "\" " + fault + (fault.ends_with('.') ? "" : ".");
}

}  // namespace

ParsedSlos ParseSlos(std::string_view setting) {
  ParsedSlos parsed;
  if (WithoutBlanksAround(setting).empty()) {
    return parsed;
  }
  for (;;) {
    const std::size_t end = FindElementEnd(setting, ';');
    Slo slo;
    parsed.fault = ParseOne(WithoutBlanksAround(setting.substr(0, end)), &slo);
    const bool twice = std::any_of(parsed.slos.begin(), parsed.slos.end(),
                                   [&slo](const Slo& other) { return other.name == slo.name; });
    if (parsed.fault.empty() && twice) {
      parsed.fault = "There are two objectives \"" + slo.name + "\".";
    }
    if (parsed.fault.empty() && parsed.slos.size() == shared::kMaxSlos) {
      parsed.fault = "There are more than " + std::to_string(shared::kMaxSlos) + " objectives.";
    }
    if (!parsed.fault.empty()) {
      parsed.slos.clear();
      return parsed;
    }
    parsed.slos.push_back(std::move(slo));
    if (end == setting.size()) {
      return parsed;
    }
    setting.remove_prefix(end + 1);
  }
}

}  // namespace pg_hello::objectives
