// A report as application/health+json.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pg_hello/health/health_report.h"

namespace pg_hello::health {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormatVersion[] = "1";

void AppendPadded(std::uint32_t number, std::size_t width, std::string& out) {
  char digits[10];
  char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  const auto length = static_cast<std::size_t>(end - digits);
  out.append(width > length ? width - length : 0, '0');
  out.append(digits, length);
}

// RFC 3339 in UTC with milliseconds; for the years 0 to 9999.
std::string Rfc3339(std::int64_t us) {
  using std::chrono::days;
  using std::chrono::floor;
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  const std::chrono::sys_time<microseconds> time{microseconds(us)};
  const auto midnight = floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss<milliseconds> clock(floor<milliseconds>(time - midnight));
  std::string text;
  AppendPadded(static_cast<std::uint32_t>(std::max(0, static_cast<int>(date.year()))), 4, text);
  text.push_back('-');
  AppendPadded(static_cast<unsigned>(date.month()), 2, text);
  text.push_back('-');
  AppendPadded(static_cast<unsigned>(date.day()), 2, text);
  text.push_back('T');
  AppendPadded(static_cast<std::uint32_t>(clock.hours().count()), 2, text);
  text.push_back(':');
  AppendPadded(static_cast<std::uint32_t>(clock.minutes().count()), 2, text);
  text.push_back(':');
  AppendPadded(static_cast<std::uint32_t>(clock.seconds().count()), 2, text);
  text.push_back('.');
  AppendPadded(static_cast<std::uint32_t>(clock.subseconds().count()), 3, text);
  text.push_back('Z');
  return text;
}

Json ToJsonObject(const Check& check, const std::string& time, bool verbose) {
  Json object;
  object["status"] = ToString(check.status);
  std::visit(
      [&object](const auto& observed) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(observed)>, std::monostate>) {
          object["observedValue"] = observed;
        }
      },
      check.observed);
  if (*check.unit != '\0') {
    object["observedUnit"] = check.unit;
  }
  if (check.since_us != 0) {
    object["since"] = Rfc3339(check.since_us);
  }
  if (check.status_since_us != 0) {
    object["statusSince"] = Rfc3339(check.status_since_us);
  }
  object["time"] = time;
  if (!check.output.empty()) {
    object["output"] = check.output;
  }
  if (verbose) {
    object["rule"] = check.rule;
  }
  return object;
}

}  // namespace

std::string ToJson(const HealthReport& report, bool verbose) {
  const std::string time = Rfc3339(report.time_us);
  Json checks = Json::object();
  for (const Check& check : report.checks) {
    if (!check.excluded) {
      checks[check.name] = Json::array({ToJsonObject(check, time, verbose)});
    }
  }
  Json document;
  document["status"] = ToString(report.status);
  document["version"] = kFormatVersion;
  document["releaseId"] = report.release_id;
  document["checks"] = std::move(checks);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::health
