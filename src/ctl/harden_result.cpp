// Plan and execution for people and for machines.
#include <nlohmann/json.hpp>

#include "ctl/harden.h"
#include "ctl/report.h"

namespace pg_hello::ctl {
namespace {

std::string Where(const Change& change) {
  return change.database.empty() ? "" : " in database \"" + change.database + "\"";
}

}  // namespace

std::string AsText(const HardenResult& result, bool apply, bool colours) {
  std::string text = AsText(result.findings, colours);
  if (result.plan.empty()) return text;
  text += apply ? "\ndone:\n" : "\nplan, of which nothing was done; --apply does it:\n";
  for (std::size_t i = 0; i < result.plan.size(); ++i) {
    const Change& change = result.plan[i];
    std::string line = change.check + Where(change) + ": " + change.what;
    const bool failed = apply && !result.failed.at(i).empty();
    if (failed) {
      line += "; FAILED: " + result.failed[i];
    } else {
      if (!change.needs.empty())
        line += "; needs " + change.needs +
                (apply && change.needs == "a reload" ? ", which was done" : "");
      line += "; to undo: " + change.undo;
    }
    text += "  " + OneLine(line) + "\n";
  }
  return text;
}

std::string AsJson(const HardenResult& result, bool apply) {
  using Json = nlohmann::ordered_json;
  Json report = Json::parse(AsJson(result.findings));
  Json plan = Json::array();
  for (std::size_t i = 0; i < result.plan.size(); ++i) {
    const Change& change = result.plan[i];
    Json entry = {{"check", change.check}, {"change", change.what}, {"undo", change.undo}};
    if (!change.database.empty()) entry["database"] = change.database;
    if (!change.needs.empty()) entry["needs"] = change.needs;
    if (apply) {
      entry["done"] = result.failed.at(i).empty();
      if (!result.failed[i].empty()) entry["error"] = result.failed[i];
    }
    plan.push_back(std::move(entry));
  }
  report["plan"] = std::move(plan);
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pg_hello::ctl
