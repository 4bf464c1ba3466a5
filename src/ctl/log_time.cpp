#include "ctl/log_time.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace pg_hello::ctl {
namespace {

// Takes a number of up to `digits` digits from the front.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  int number = 0;
  const char* const end = text.data() + std::min(digits, text.size());
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

bool Take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || one_of.find(text.front()) == one_of.npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> TakeFraction(std::string_view& text) {
  int ms = 0;
  int weight = 100;
  if (text.empty()) return std::nullopt;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    ms += (text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  return ms;
}

// Seconds east of Greenwich, or nothing if the zone is the local one.
bool TakeZone(std::string_view text, std::optional<std::int64_t>& offset) {
  while (Take(text, " ")) {
  }
  if (text.empty()) return true;
  if (text == "Z" || text == "UTC" || text == "GMT") {
    offset = 0;
    return true;
  }
  if (text.front() == '+' || text.front() == '-') {
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = TakeNumber(text, 2);
    Take(text, ":");
    const auto minutes = text.empty() ? std::optional<int>(0) : TakeNumber(text, 2);
    if (!hours || !minutes || !text.empty()) return false;
    offset = sign * (*hours * 3600 + *minutes * 60);
    return true;
  }
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
         text.npos;
}

bool TakeDate(std::string_view& text, std::tm& tm) {
  const auto year = TakeNumber(text, 4);
  if (!year || !Take(text, "-")) return false;
  const auto month = TakeNumber(text, 2);
  if (!month || !Take(text, "-")) return false;
  const auto day = TakeNumber(text, 2);
  if (!day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return false;
  tm.tm_year = *year - 1900;
  tm.tm_mon = *month - 1;
  tm.tm_mday = *day;
  return true;
}

UnixMs ToUnixMs(std::tm tm, int ms, std::optional<std::int64_t> offset) {
  tm.tm_isdst = -1;
  const std::time_t seconds = offset ? timegm(&tm) - *offset : mktime(&tm);
  return static_cast<UnixMs>(seconds) * 1000 + ms;
}

}  // namespace

std::optional<UnixMs> ParseTime(std::string_view text) {
  std::tm tm = {};
  if (text.size() < 12 || !TakeDate(text, tm) || !Take(text, " T")) return std::nullopt;
  const auto hour = TakeNumber(text, 2);
  if (!hour || !Take(text, ":")) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *hour > 24 || *minute > 59) return std::nullopt;
  tm.tm_hour = *hour;
  tm.tm_min = *minute;
  std::optional<int> ms = 0;
  if (Take(text, ":")) {
    const auto second = TakeNumber(text, 2);
    if (!second || *second > 60) return std::nullopt;
    tm.tm_sec = *second;
    if (Take(text, ".,")) ms = TakeFraction(text);
  }
  std::optional<std::int64_t> offset;
  if (!ms || !TakeZone(text, offset)) return std::nullopt;
  return ToUnixMs(tm, *ms, offset);
}

std::optional<UnixMs> ParseSince(std::string_view text, UnixMs now) {
  if (const auto time = ParseTime(text)) return time;
  std::string_view rest = text;
  std::tm tm = {};
  if (TakeDate(rest, tm) && rest.empty()) return ToUnixMs(tm, 0, std::nullopt);
  rest = text;
  const auto number = rest.empty() ? std::nullopt : TakeNumber(rest, 6);
  if (!number) return std::nullopt;
  while (Take(rest, " ")) {
  }
  for (const auto& [unit, ms] :
       {std::pair{"s", 1000}, std::pair{"m", 60000}, std::pair{"min", 60000},
        std::pair{"h", 3600000}, std::pair{"d", 86400000}}) {
    if (rest == unit) return now - static_cast<UnixMs>(*number) * ms;
  }
  return std::nullopt;
}

std::string Iso8601(UnixMs time) {
  const std::time_t seconds = (time - (time % 1000 + 1000) % 1000) / 1000;
  std::tm tm = {};
  gmtime_r(&seconds, &tm);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
  std::snprintf(text + length, sizeof text - length, ".%03lldZ",
                static_cast<long long>(time - static_cast<UnixMs>(seconds) * 1000));
  return text;
}

}  // namespace pg_hello::ctl
