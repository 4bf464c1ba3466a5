// How a load test went, for people and for machines.
#include <nlohmann/json.hpp>

#include "ctl/load.h"
#include "ctl/report.h"
#include "ctl/work_table.h"

namespace pg_hello::ctl {

std::string AsText(const LoadResult& result, bool colours) {
  std::string text;
  if (!result.works.empty()) text += WorkTable(result.works, result.seconds) + "\n";
  if (result.transactions) {
    text += "pgbench: " + std::to_string(*result.transactions) + " transactions, " +
            ShortNumber(result.per_second) + " per second\n\n";
  }
  return text + AsText(result.findings, colours);
}

std::string AsJson(const LoadResult& result) {
  using Json = nlohmann::ordered_json;
  Json report = Json::parse(AsJson(result.findings));
  report["seconds"] = result.seconds;
  if (result.transactions) report["transactions"] = *result.transactions;
  if (result.per_second) report["transactions_per_second"] = *result.per_second;
  report["functions"] = WorkJson(result.works, result.seconds);
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::ctl
