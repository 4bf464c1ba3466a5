#include "pg_hello/api/active_calls.h"

#include <algorithm>

#include "api/json_text.h"

namespace pg_hello::api {
namespace {

using selection::NameOf;
using snapshot::ActiveCall;
using snapshot::Snapshot;

Json ToJson(const Snapshot& snapshot, const ActiveCall& call) {
  const snapshot::FunctionStats& stats = snapshot.functions.at(call.function);
  Json json;
  json["datname"] = snapshot.databases.at(stats.database).datname;
  json["schema"] = stats.identity.schema;
  json["function"] = stats.identity.function;
  json["funcid"] = stats.key.funcid;
  json["pid"] = call.pid;
  json["depth"] = call.depth;
  json["started_at_unix_us"] = call.started_at_us;
  return json;
}

}  // namespace

ParsedActiveQuery ParseActiveQuery(const std::vector<std::pair<std::string, std::string>>& params) {
  ParsedActiveQuery parsed;
  for (const auto& [name, value] : params) {
    const char* fault = nullptr;
    if (name == "limit") {
      fault = ReadLimit(value, &parsed.query.limit);
    } else {
      parsed.query.filter.Add(name, value, &fault);
    }
    if (fault != nullptr) {
      parsed.fault = FaultSentence(name, fault);
      return parsed;
    }
  }
  return parsed;
}

std::string ActiveJson(const Snapshot& snapshot, const ActiveQuery& query) {
  std::vector<ActiveCall> found;
  for (const ActiveCall& call : snapshot.active_calls) {
    if (query.filter.Matches(NameOf(snapshot, snapshot.functions.at(call.function)))) {
      found.push_back(call);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const ActiveCall& a, const ActiveCall& b) {
    return a.started_at_us < b.started_at_us;
  });
  Json json;
  json["taken_at_unix_us"] = snapshot.taken_at_us;
  json["active_calls"] = snapshot.active_calls.size();
  json["matching_calls"] = found.size();
  json["calls"] = Json::array();
  for (std::size_t i = 0; i < std::min(found.size(), query.limit); ++i) {
    json["calls"].push_back(ToJson(snapshot, found[i]));
  }
  return TextOf(json);
}

}  // namespace pg_hello::api
