#include "ctl/endpoint_verdict.h"

#include <nlohmann/json.hpp>

namespace pg_hello::ctl {
namespace {

using Json = nlohmann::json;

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// "name: output" of each check that does not pass.
std::string Troubles(const Json& report) {
  std::string troubles;
  const auto checks = report.find("checks");
  if (checks == report.end() || !checks->is_object()) return troubles;
  for (const auto& [name, entries] : checks->items()) {
    if (!entries.is_array()) continue;
    for (const Json& entry : entries) {
      if (!entry.is_object() || Text(entry, "status") == "pass") continue;
      if (!troubles.empty()) troubles += ", ";
      troubles += name;
      if (const std::string output = Text(entry, "output"); !output.empty()) {
        troubles += " (" + output + ")";
      }
    }
  }
  return troubles;
}

}  // namespace

Finding JudgeEndpoint(const std::string& url, int status, const std::string& body) {
  Finding finding{.check = "endpoint"};
  const Json report = Json::parse(body, nullptr, false);
  const std::string said = report.is_object() ? Text(report, "status") : "";
  if (said == "pass" && status == 200) {
    finding.message = url + " says pass";
    return finding;
  }
  if ((said == "warn" && status == 200) || (said == "fail" && status == 503)) {
    finding.severity = said == "warn" ? Severity::kWarning : Severity::kCritical;
    finding.message = url + " says " + said;
    if (const std::string troubles = Troubles(report); !troubles.empty()) {
      finding.message += ": " + troubles;
    }
    return finding;
  }
  finding.severity = Severity::kUnknown;
  finding.message = url + " answers with status " + std::to_string(status) +
                    ", but not with a health report of pg_hello";
  finding.hint = "use the address and port that pg_hello_info() shows";
  return finding;
}

}  // namespace pg_hello::ctl
