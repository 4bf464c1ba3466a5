// The report as text and as JSON.
#include <nlohmann/json.hpp>

#include "ctl/performance_report.h"
#include "ctl/report.h"
#include "ctl/work_table.h"

namespace pg_hello::ctl {
std::string AsText(const PerformanceReport& report, bool colours) {
  std::string text;
  if (!report.works.empty()) {
    text = OneLine("Functions of " + report.database + " " + report.title) + ":\n\n" +
           WorkTable(report.works, report.Seconds()) + "\n";
  }
  return text + AsText(report.findings, colours);
}

std::string AsJson(const PerformanceReport& report) {
  using Json = nlohmann::ordered_json;
  const auto number = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
  Json object = Json::parse(AsJson(report.findings));
  object["database"] = report.database;
  object["period"] = report.title;
  if (report.from > 0) object["from"] = Iso8601(report.from);
  object["to"] = Iso8601(report.to);
  object["server_version"] = report.server_version;
  object["pg_hello_version"] = report.library_version;
  object["functions"] = WorkJson(report.works, report.Seconds());
  if (!report.comparisons.empty()) {
    Json list = Json::array();
    for (const Comparison& one : report.comparisons) {
      list.push_back({{"function", one.function},
                      {"verdict", one.verdict},
                      {"ratio", number(one.ratio)},
                      {"baseline_mean_ms", number(one.baseline_ms)},
                      {"mean_ms", number(one.current_ms)},
                      {"baseline_p95_ms", number(one.baseline_p95_ms)},
                      {"p95_ms", number(one.current_p95_ms)}});
    }
    object["comparisons"] = std::move(list);
  }
  if (!report.moments.empty()) {
    Json list = Json::array();
    for (const Moment& moment : report.moments) {
      list.push_back({{"seconds", moment.seconds},
                      {"calls_per_second", moment.calls_per_second},
                      {"p95_ms", number(moment.p95_ms)}});
    }
    object["moments"] = std::move(list);
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::ctl
