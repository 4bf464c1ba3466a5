#include "ctl/report.h"

#include <nlohmann/json.hpp>

namespace pg_hello::ctl {
namespace {

std::string_view Colour(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return "\033[32m";
    case Severity::kWarning:
      return "\033[33m";
    case Severity::kCritical:
      return "\033[31m";
    case Severity::kUnknown:
      break;
  }
  return "\033[35m";
}

}  // namespace

std::string OneLine(std::string_view text) {
  std::string line;
  bool blank = false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      blank = true;
      continue;
    }
    if (blank && !line.empty()) line += ' ';
    blank = false;
    line += c;
  }
  return line;
}

std::string AsText(const Findings& findings, bool colours) {
  std::string text;
  for (const Finding& finding : findings) {
    if (colours) text += Colour(finding.severity);
    text += Name(finding.severity);
    if (colours) text += "\033[0m";
    std::string rest = ": ";
    if (!finding.database.empty()) rest += "database \"" + finding.database + "\": ";
    rest += finding.message;
    if (!finding.hint.empty()) rest += "; hint: " + finding.hint;
    text += OneLine(rest);
    text += '\n';
  }
  return text;
}

std::string AsJson(const Findings& findings) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json entry = {{"check", finding.check}, {"status", Name(finding.severity)}};
    if (!finding.database.empty()) entry["database"] = finding.database;
    entry["message"] = finding.message;
    if (!finding.hint.empty()) entry["hint"] = finding.hint;
    list.push_back(std::move(entry));
  }
  const Json report = {{"status", Name(Worst(findings))}, {"findings", std::move(list)}};
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::ctl
