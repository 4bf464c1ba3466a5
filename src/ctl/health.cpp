#include "ctl/health.h"

#include <algorithm>
#include <utility>

#include "ctl/database_check.h"
#include "ctl/endpoint_verdict.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

struct Named {
  std::string name;
  bool demanded;
};

// The databases to look into. Those that were named and are not there become findings.
std::vector<Named> Choose(Session& server, const std::vector<std::string>& wanted,
                          Findings& findings) {
  const auto answer = server.Ask(
      "SELECT datname, datallowconn AND NOT datistemplate FROM pg_database ORDER BY datname");
  std::vector<Named> chosen;
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    findings.push_back({"databases", SeverityOf(*error), "", error->message, error->hint});
    return chosen;
  }
  const Rows& rows = std::get<Rows>(answer);
  if (wanted.empty()) {
    for (const auto& row : rows) {
      if (row[1] == "t") chosen.push_back({row[0].value_or(""), false});
    }
  }
  for (const std::string& name : wanted) {
    if (std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row[0] == name; })) {
      chosen.push_back({name, true});
    } else {
      findings.push_back({"connection", Severity::kCritical, name, "does not exist", ""});
    }
  }
  return chosen;
}

void CheckServer(const HealthRequest& request, Findings& findings) {
  auto opened = Session::OpenServer(request.target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    findings.push_back({"connection", SeverityOf(error->failure), "", error->message, ""});
    return;
  }
  Session& server = std::get<Session>(opened);
  const bool preloaded = CheckPreload(server, findings);
  for (const Named& database : Choose(server, request.databases, findings)) {
    auto session = Session::Open(request.target, database.name);
    if (const auto* const error = std::get_if<ConnectError>(&session)) {
      findings.push_back(
          {"connection", SeverityOf(error->failure), database.name, error->message, ""});
      continue;
    }
    CheckDatabase(std::get<Session>(session), database.name, database.demanded, preloaded,
                  request.objectives, findings);
  }
}

Finding CheckEndpoint(const HttpRequest& request) {
  const auto answer = GetHealth(request);
  if (const auto* const error = std::get_if<HttpError>(&answer)) {
    const bool silent = error->failure == HttpFailure::kNoAnswer;
    return {"endpoint", silent ? Severity::kCritical : Severity::kUnknown, "", error->message, ""};
  }
  const auto& [status, body] = std::get<HttpAnswer>(answer);
  return JudgeEndpoint(request.url, status, body);
}

}  // namespace

Findings CheckHealth(const HealthRequest& request) {
  Findings findings;
  CheckServer(request, findings);
  if (!request.endpoint.url.empty()) findings.push_back(CheckEndpoint(request.endpoint));
  return findings;
}

}  // namespace pg_hello::ctl
