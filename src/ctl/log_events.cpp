#include "ctl/log_events.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "ctl/report.h"

namespace pg_hello::ctl {
namespace {

constexpr std::size_t kMaxEvents = 10000;  // beyond, what is new is one event for each check
constexpr std::string_view kWorker = "background worker \"pg_hello";
// Of all that the worker logs itself, this is no trouble.
constexpr std::array<std::string_view, 3> kGoodNews = {"pg_hello: serving metrics on ",
                                                       "pg_hello: no longer serving metrics on ",
                                                       "pg_hello: using the certificate "};

bool Has(std::string_view text, std::string_view what) { return text.find(what) != text.npos; }

bool HasOneOf(std::string_view text, std::initializer_list<std::string_view> whats) {
  return std::any_of(whats.begin(), whats.end(), [text](auto what) { return Has(text, what); });
}

// "server process (PID 4711) exited with exit code 2": 0 and 1 are orderly ends.
bool EndedBadly(std::string_view message) {
  if (Has(message, "was terminated by signal") || Has(message, "was terminated by exception")) {
    return true;
  }
  constexpr std::string_view kExited = "exited with exit code ";
  const std::size_t at = message.find(kExited);
  if (at == message.npos) return false;
  const std::string_view code = message.substr(at + kExited.size());
  return code != "0" && code != "1";
}

LogEvent Event(const char* check, Severity severity, const LogEntry& entry) {
  return {.check = check,
          .severity = severity,
          .entry = entry,
          .first = entry.time,
          .last = entry.time};
}

bool Concerns(const LogEntry& entry) {
  return Has(entry.message, "pg_hello") || Has(entry.detail, "pg_hello") ||
         Has(entry.hint, "pg_hello") || Has(entry.context, "pg_hello");
}

// Whoever reads the server's own words need not read a user's statement.
LogEvent Crash(LogEntry entry) {
  if (entry.detail.starts_with("Failed process was running")) entry.detail.clear();
  return Event("crash", Severity::kCritical, entry);
}

std::string WithoutNumbers(std::string_view text) {
  std::string key;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && key.ends_with('#')) continue;
    key += digit ? '#' : c;
  }
  return key;
}

std::string_view HintOf(const LogEvent& event) {
  if (event.check == "load") {
    return "is the library there, whole, and of this server's version? pg_helloctl diagnose looks";
  }
  if (event.check == "crash") {
    return "the lines before it in the log say what ran; all sessions were ended, counters began "
           "at zero";
  }
  if (event.check == "worker") return "the server starts it again; pg_helloctl diagnose says more";
  return "";
}

}  // namespace

std::optional<LogEvent> Classify(const LogEntry& entry) {
  const std::string& message = entry.message;
  if (message.starts_with(kWorker)) {
    if (EndedBadly(message)) return Crash(entry);
    if (Has(message, "exited with exit code 1")) {
      return Event("worker", Severity::kWarning, entry);
    }
    return std::nullopt;
  }
  if (entry.level == "PANIC" || (entry.level == "LOG" && EndedBadly(message)) ||
      (entry.level.empty() && HasOneOf(message, {"TRAP: ", "terminate called "}))) {
    return Crash(entry);
  }
  if (!Concerns(entry)) return std::nullopt;
  const bool fatal = entry.level == "FATAL";
  const bool error = fatal || entry.level == "ERROR";
  // A server that cannot preload says it as FATAL, a session that cannot load as ERROR.
  if ((error || entry.level.empty()) &&
      (HasOneOf(message, {"could not load", "could not access file", "incompatible library",
                          "could not find function"}))) {
    return Event("load", Severity::kCritical, entry);
  }
  if (error && Has(message, "extension")) {
    return Event("extension", fatal ? Severity::kCritical : Severity::kWarning, entry);
  }
  if (fatal) return Event("fatal", Severity::kCritical, entry);
  if (error) return Event("error", Severity::kWarning, entry);
  if (message.starts_with("pg_hello: ")) {
    const bool good = std::any_of(kGoodNews.begin(), kGoodNews.end(),
                                  [&](auto news) { return message.starts_with(news); });
    if (good) return std::nullopt;
    return Event("collector", Severity::kWarning, entry);
  }
  if (entry.level == "WARNING") return Event("warning", Severity::kWarning, entry);
  return std::nullopt;
}

bool LogEvents::Add(const LogEntry& entry) {
  std::optional<LogEvent> event = Classify(entry);
  if (!event) return false;
  std::string key = event->check + '\n' + entry.level;
  if (events_.size() < kMaxEvents) {
    key += '\n' + entry.database + '\n' + WithoutNumbers(entry.message);
  }
  const auto [found, is_new] = index_.emplace(key, events_.size());
  latest_ = found->second;
  if (is_new) {
    events_.push_back(std::move(*event));
    return true;
  }
  LogEvent& known = events_[found->second];
  ++known.count;
  if (entry.time) {
    known.first = std::min(known.first.value_or(*entry.time), *entry.time);
    known.last = std::max(known.last.value_or(*entry.time), *entry.time);
  }
  return false;
}

Finding AsFinding(const LogEvent& event) {
  std::string message = event.check + ": ";
  if (event.count > 1) {
    message += std::to_string(event.count) + " times";
    if (event.first) message += ", first at " + Iso8601(*event.first);
    if (event.last) message += ", last at " + Iso8601(*event.last);
    message += ": ";
  } else if (event.first) {
    message += "at " + Iso8601(*event.first) + ": ";
  }
  if (!event.entry.level.empty()) message += event.entry.level + ": ";
  message += event.entry.message;
  if (!event.entry.detail.empty()) message += " (" + event.entry.detail + ")";
  return {event.check, event.severity, event.entry.database, message, std::string(HintOf(event))};
}

std::string AsJsonLine(const LogEvent& event) {
  using Json = nlohmann::ordered_json;
  Json object = {{"check", event.check}, {"status", Name(event.severity)}, {"count", event.count}};
  if (event.first) object["first"] = Iso8601(*event.first);
  if (event.last) object["last"] = Iso8601(*event.last);
  const LogEntry& entry = event.entry;
  for (const auto& [key, text] :
       {std::pair{"level", &entry.level}, std::pair{"sqlstate", &entry.sqlstate},
        std::pair{"database", &entry.database}, std::pair{"user", &entry.user},
        std::pair{"pid", &entry.pid}, std::pair{"message", &entry.message},
        std::pair{"detail", &entry.detail}, std::pair{"hint", &entry.hint},
        std::pair{"context", &entry.context}}) {
    if (!text->empty()) object[key] = *text;
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::ctl
