// The answers about health: which status goes with which verdict.
#include <string>
#include <utility>

#include "pg_hello/endpoints/endpoints.h"

namespace pg_hello::endpoints {
namespace {

http::Response NoSuchCheck() { return http::TextResponse(404, "There is no such check.\n"); }

bool Verbose(const http::Params& params) { return http::HasParam(params, "verbose"); }

void ExcludeWhatIsAsked(const http::Params& params, health::HealthReport& report) {
  for (const auto& [name, value] : params) {
    if (name == "exclude") health::Exclude(value, report);
  }
}

}  // namespace

http::Response Health(health::HealthReport report, const http::Params& params) {
  ExcludeWhatIsAsked(params, report);
  http::Response response = http::TextResponse(report.status == health::Status::kFail ? 503 : 200,
                                               health::ToJson(report, Verbose(params)));
  response.content_type = health::kJsonContentType;
  return response;
}

http::Response HealthOf(health::HealthReport report, const http::Params& params,
                        std::string_view check) {
  return health::Keep(check, report) ? Health(std::move(report), params) : NoSuchCheck();
}

http::Response Livez(const http::Params& params) {
  return http::TextResponse(200, Verbose(params) ? "[+]ping ok\nlivez check passed\n" : "ok\n");
}

http::Response Readyz(health::HealthReport report, const http::Params& params) {
  ExcludeWhatIsAsked(params, report);
  return http::TextResponse(health::IsReady(report) ? 200 : 503,
                            health::ReadyText(report, Verbose(params)));
}

http::Response ReadyzOf(health::HealthReport report, const http::Params& params,
                        std::string_view check) {
  std::erase_if(report.checks, [](const auto& one) { return !health::DecidesReadiness(one); });
  return health::Keep(check, report) ? Readyz(std::move(report), params) : NoSuchCheck();
}

}  // namespace pg_hello::endpoints
