#include "ctl/log_decoder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace pg_hello::ctl {
namespace {

constexpr std::size_t kMaxOpen = 64;          // processes whose details may be still to come
constexpr std::size_t kMaxText = 64 * 1024;   // of one message; more of it tells nothing new
constexpr std::size_t kMaxRecord = 16 << 20;  // quotes that stay open: this was no record's begin

constexpr std::string_view kLevels[] = {"DEBUG",  "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4",
                                        "DEBUG5", "LOG",    "INFO",   "NOTICE", "WARNING",
                                        "ERROR",  "FATAL",  "PANIC"};
constexpr std::string_view kParts[] = {"DETAIL",    "HINT",     "QUERY",    "CONTEXT",
                                       "STATEMENT", "LOCATION", "BACKTRACE"};

template <std::size_t N>
bool Among(const std::string_view (&words)[N], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

struct StderrParts {
  LogPrefix prefix;
  std::string_view word;  // level or part
  std::string_view text;
};

// A line is "PREFIXWORD:  TEXT". Where several places look like that, the first one before which
// there is a prefix of the right form counts, else the first one.
std::optional<StderrParts> Split(std::string_view line, std::string_view format) {
  std::optional<StderrParts> first;
  for (std::size_t at = line.find(":  "); at != line.npos; at = line.find(":  ", at + 1)) {
    const std::string_view before = line.substr(0, at);
    const std::size_t begin =
        before.find_last_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ12345") + 1;  // npos + 1 is 0
    const std::string_view word = before.substr(begin);
    if (!Among(kLevels, word) && !Among(kParts, word)) continue;
    StderrParts parts{{}, word, line.substr(at + 3)};
    if (!format.empty()) {
      if (auto prefix = MatchPrefix(format, before.substr(0, begin))) {
        parts.prefix = std::move(*prefix);
        return parts;
      }
    }
    if (!first) {
      parts.prefix = GuessPrefix(before.substr(0, begin));
      first = std::move(parts);
    }
  }
  return first;
}

// RFC 4180, as PostgreSQL writes it.
std::vector<std::string> CsvFields(std::string_view record) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted && c == '"' && i + 1 < record.size() && record[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

void Append(std::string* text, std::string_view more) {
  if (text == nullptr || text->size() >= kMaxText) return;
  *text += more.substr(0, kMaxText - text->size());
}

}  // namespace

LogFormat GuessLogFormat(std::string_view path, std::string_view first_line) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".csv")) return LogFormat::kCsv;
  if (path.ends_with(".json")) return LogFormat::kJson;
  if (first_line.starts_with("{\"timestamp\"")) return LogFormat::kJson;
  if (const std::size_t comma = first_line.find(',');
      comma != first_line.npos && ParseTime(first_line.substr(0, comma))) {
    return LogFormat::kCsv;
  }
  return LogFormat::kStderr;
}

LogDecoder::LogDecoder(LogFormat format, std::string prefix, Sink sink)
    : format_(format), prefix_(std::move(prefix)), sink_(std::move(sink)) {}

void LogDecoder::Line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  switch (format_) {
    case LogFormat::kStderr:
      return StderrLine(line);
    case LogFormat::kCsv:
      return CsvLine(line);
    case LogFormat::kJson:
      return JsonLine(line);
  }
}

void LogDecoder::Flush() {
  last_text_ = nullptr;
  for (auto& [pid, entry] : std::exchange(open_, {})) sink_(entry);
}

void LogDecoder::Put(const std::string& pid, LogEntry entry) {
  if (const auto old = open_.find(pid); old != open_.end()) {
    sink_(old->second);
    open_.erase(old);
  } else if (open_.size() >= kMaxOpen) {
    Flush();
  }
  last_text_ = &(open_[pid] = std::move(entry)).message;
}

void LogDecoder::StderrLine(std::string_view line) {
  if (line.starts_with('\t')) {
    Append(last_text_, "\n");
    Append(last_text_, line.substr(1));
    return;
  }
  const auto parts = Split(line, prefix_);
  if (!parts) {
    // Of a library, or of a shell: nobody says that it goes on.
    last_text_ = nullptr;
    LogEntry entry;
    Append(&entry.message, line);
    sink_(entry);
    return;
  }
  const LogPrefix& prefix = parts->prefix;
  if (Among(kLevels, parts->word)) {
    LogEntry entry{.time = prefix.time,
                   .level = std::string(parts->word),
                   .sqlstate = prefix.sqlstate,
                   .database = prefix.database,
                   .user = prefix.user,
                   .pid = prefix.pid};
    Append(&entry.message, parts->text);
    Put(prefix.pid, std::move(entry));
    return;
  }
  const auto open = open_.find(prefix.pid);
  last_text_ = nullptr;
  if (open == open_.end()) return;
  LogEntry& entry = open->second;
  if (parts->word == "DETAIL") last_text_ = &entry.detail;
  if (parts->word == "HINT") last_text_ = &entry.hint;
  if (parts->word == "CONTEXT") last_text_ = &entry.context;
  Append(last_text_, parts->text);
}

// https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG
void LogDecoder::CsvLine(std::string_view line) {
  if (!record_.empty()) record_ += '\n';
  record_ += line;
  if (std::count(record_.begin(), record_.end(), '"') % 2 != 0) {
    if (record_.size() > kMaxRecord) record_.clear();
    return;
  }
  std::vector<std::string> fields = CsvFields(std::exchange(record_, {}));
  if (fields.size() < 19) return;
  LogEntry entry{.time = ParseTime(fields[0]),
                 .level = std::move(fields[11]),
                 .sqlstate = std::move(fields[12]),
                 .database = std::move(fields[2]),
                 .user = std::move(fields[1]),
                 .pid = std::move(fields[3])};
  Append(&entry.message, fields[13]);
  Append(&entry.detail, fields[14]);
  Append(&entry.hint, fields[15]);
  Append(&entry.context, fields[18]);
  sink_(entry);
}

// https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG
void LogDecoder::JsonLine(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return;
  const auto text = [&object](const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) return std::string();
    return found->is_string() ? found->get<std::string>().substr(0, kMaxText) : found->dump();
  };
  LogEntry entry{.time = ParseTime(text("timestamp")),
                 .level = text("error_severity"),
                 .sqlstate = text("state_code"),
                 .database = text("dbname"),
                 .user = text("user"),
                 .pid = text("pid"),
                 .message = text("message"),
                 .detail = text("detail"),
                 .hint = text("hint"),
                 .context = text("context")};
  sink_(entry);
}

}  // namespace pg_hello::ctl
