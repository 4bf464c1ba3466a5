#include "ctl/log_prefix.h"

#include <algorithm>
#include <cctype>

namespace pg_hello::ctl {
namespace {

constexpr int kMaxSteps = 20000;  // a format may be ambiguous enough to try forever

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool AllDigits(std::string_view text, std::string_view others = "") {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || others.find(c) != others.npos;
  });
}

// Milliseconds since the epoch, as %n writes them: seconds with decimals.
std::optional<UnixMs> ParseEpoch(std::string_view text) {
  const std::size_t point = text.find('.');
  if (!AllDigits(text, ".") || point == text.npos || text.size() - point != 4) return std::nullopt;
  return std::stoll(std::string(text.substr(0, point))) * 1000 +
         std::stoll(std::string(text.substr(point + 1)));
}

class Matcher {
 public:
  std::optional<LogPrefix> Run(std::string_view format, std::string_view text) {
    if (!Match(format, text)) return std::nullopt;
    return prefix_;
  }

 private:
  bool Match(std::string_view format, std::string_view text) {
    if (++steps_ > kMaxSteps) return false;
    while (!format.empty() && format.front() != '%') {
      if (text.empty() || text.front() != format.front()) return false;
      format.remove_prefix(1);
      text.remove_prefix(1);
    }
    if (format.empty()) return text.empty();
    format.remove_prefix(1);
    while (!format.empty() && (format.front() == '-' || AllDigits(format.substr(0, 1)))) {
      format.remove_prefix(1);  // padding
    }
    if (format.empty()) return text.empty();
    const char escape = format.front();
    format.remove_prefix(1);
    if (escape == '%') {
      return text.starts_with('%') && Match(format, text.substr(1));
    }
    // Processes without a session write nothing after it.
    if (escape == 'q') return text.empty() || Match(format, text);
    for (std::size_t length = 0; length <= text.size(); ++length) {
      const LogPrefix before = prefix_;
      if (Accept(escape, Trimmed(text.substr(0, length))) && Match(format, text.substr(length))) {
        return true;
      }
      prefix_ = before;
      if (steps_ > kMaxSteps) return false;
    }
    return false;
  }

  bool Accept(char escape, std::string_view value) {
    switch (escape) {
      case 't':
      case 'm':
        prefix_.time = ParseTime(value);
        return prefix_.time.has_value();
      case 'n':
        prefix_.time = ParseEpoch(value);
        return prefix_.time.has_value();
      case 'p':
        prefix_.pid = value;
        return AllDigits(value);
      case 'l':
      case 'x':
        return AllDigits(value);
      case 'P':
      case 'Q':
        return value.empty() || AllDigits(value, "-");
      case 's':
        return ParseTime(value).has_value();
      case 'e':
        prefix_.sqlstate = value;
        return value.size() == 5 && std::all_of(value.begin(), value.end(), [](unsigned char c) {
                 return std::isupper(c) != 0 || std::isdigit(c) != 0;
               });
      case 'u':
        prefix_.user = value == "[unknown]" ? "" : value;
        return true;
      case 'd':
        prefix_.database = value == "[unknown]" ? "" : value;
        return true;
      default:
        return true;
    }
  }

  LogPrefix prefix_;
  int steps_ = 0;
};

}  // namespace

std::optional<LogPrefix> MatchPrefix(std::string_view format, std::string_view text) {
  return Matcher().Run(format, text);
}

LogPrefix GuessPrefix(std::string_view text) {
  LogPrefix prefix;
  const std::size_t date = text.find_first_of("0123456789");
  if (date != text.npos) {
    // The zone is the word after the time of day.
    std::string_view time = text.substr(date);
    const std::size_t space = time.find(' ');
    if (space != time.npos) {
      time = time.substr(0, time.find_first_of(" []", time.find_first_of(" []", space + 1) + 1));
      for (; !prefix.time && !time.empty(); time = time.substr(0, time.find_last_of(' '))) {
        prefix.time = ParseTime(Trimmed(time));
        if (time.find(' ') == time.npos) break;
      }
    }
  }
  const std::size_t bracket = text.find('[');
  const std::size_t close = text.find(']', bracket == text.npos ? 0 : bracket);
  if (bracket != text.npos && close != text.npos) {
    const std::string_view inside = text.substr(bracket + 1, close - bracket - 1);
    if (AllDigits(inside)) prefix.pid = inside;
  }
  return prefix;
}

}  // namespace pg_hello::ctl
