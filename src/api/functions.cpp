// From a snapshot to JSON. Counts and sums are integers, so that none of their digits is lost.
#include "pg_hello/api/functions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/json_text.h"
#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::api {
namespace {

using selection::NameOf;
using snapshot::FunctionCounts;
using snapshot::FunctionStats;
using snapshot::Snapshot;

constexpr std::array<std::pair<const char*, double>, 4> kPercentiles = {
    {{"p50_ns", 0.5}, {"p90_ns", 0.9}, {"p95_ns", 0.95}, {"p99_ns", 0.99}}};

template <double (*kStatistic)(const FunctionStats&)>
long double Value(const FunctionStats& stats) {
  return kStatistic(stats);
}

template <std::uint64_t FunctionCounts::*kCounter>
long double Value(const FunctionStats& stats) {
  return static_cast<long double>(stats.*kCounter);
}

template <std::size_t kNumber>
double PercentileOf(const FunctionStats& stats) {
  return snapshot::Percentile(stats, kPercentiles[kNumber].second);
}

// A long double has all digits of a counter. Null: by name.
struct SortKey {
  std::string_view name;
  long double (*value)(const FunctionStats&);
};

constexpr std::array<SortKey, 15> kSortKeys = {{
    {"inclusive_ns", Value<&FunctionCounts::inclusive_ns>},
    {"self_ns", Value<&FunctionCounts::self_ns>},
    {"calls", Value<&FunctionCounts::calls>},
    {"errors", Value<&FunctionCounts::errors>},
    {"canceled", Value<&FunctionCounts::canceled>},
    {"iterations", Value<&FunctionCounts::iterations>},
    {"active", Value<&FunctionCounts::active>},
    {"min_ns", Value<&FunctionCounts::min_ns>},
    {"max_ns", Value<&FunctionCounts::max_ns>},
    {"mean_ns", Value<snapshot::MeanNs>},
    {"p50_ns", Value<PercentileOf<0>>},
    {"p90_ns", Value<PercentileOf<1>>},
    {"p95_ns", Value<PercentileOf<2>>},
    {"p99_ns", Value<PercentileOf<3>>},
    {"function", nullptr},
}};

std::string SortNames() {
  std::string names;
  for (const SortKey& key : kSortKeys) {
    names.append(names.empty() ? "" : ", ").append(key.name);
  }
  return names;
}

Json OrNull(bool known, Json value) { return known ? std::move(value) : Json(nullptr); }

Json ToJson(const Snapshot& snapshot, const FunctionStats& stats,
            const selection::Admitted& admitted) {
  const bool timed = stats.TimedCalls() > 0;
  const bool extends = stats.identity.extension[0] != '\0';
  Json json;
  json["datname"] = snapshot.databases.at(stats.database).datname;
  json["schema"] = stats.identity.schema;
  json["function"] = stats.identity.function;
  json["funcid"] = stats.key.funcid;
  json["language"] = stats.identity.language;
  json["kind"] = std::string(1, stats.identity.kind);
  json["extension"] = OrNull(extends, stats.identity.extension);
  json["metrics"] = selection::ToString(admitted.reason);
  json["stats_since_unix_us"] = stats.stats_since_us;
  json["calls"] = stats.calls;
  json["errors"] = stats.errors;
  json["canceled"] = stats.canceled;
  json["untimed_calls"] = stats.untimed;
  json["iterations"] = stats.iterations;
  json["active"] = stats.active;
  json["error_origins"] = Json::object();
  for (const snapshot::ErrorOrigin& origin : stats.error_origins) {
    json["error_origins"][origin.sqlstate_class] = origin.count;
  }
  json["inclusive_ns"] = stats.inclusive_ns;
  json["self_ns"] = stats.self_ns;
  json["duration_ns"] = stats.duration_ns;
  json["min_ns"] = OrNull(timed, stats.min_ns);
  json["max_ns"] = OrNull(timed, stats.max_ns);
  json["mean_ns"] = OrNull(timed, snapshot::MeanNs(stats));
  json["stddev_ns"] = OrNull(timed, snapshot::StddevNs(stats));
  for (const auto& [name, quantile] : kPercentiles) {
    json[name] = OrNull(timed, snapshot::Percentile(stats, quantile));
  }
  return json;
}

Json HistogramJson(const FunctionStats& stats) {
  Json buckets = Json::array();
  for (std::size_t i = stats.buckets.first(); i < stats.buckets.end(); ++i) {
    if (stats.buckets[i] > 0) {
      Json bucket;
      bucket["gt_ns"] = OrNull(i > 0, i > 0 ? measure::kUpperBoundsNs[i - 1] : 0);
      const bool bounded = i < measure::kBoundCount;
      bucket["le_ns"] = OrNull(bounded, bounded ? measure::kUpperBoundsNs[i] : 0);
      bucket["count"] = stats.buckets[i];
      buckets.push_back(std::move(bucket));
    }
  }
  Json histogram;
  histogram["count"] = stats.TimedCalls();
  histogram["sum_ns"] = stats.duration_ns;
  histogram["buckets"] = std::move(buckets);
  return histogram;
}

struct Found {
  std::uint32_t function;  // index into the snapshot's
  long double value;
};

std::vector<Found> Find(const Snapshot& snapshot, const ListQuery& query) {
  const SortKey& key = kSortKeys.at(query.sort);
  std::vector<Found> found;
  for (std::uint32_t i = 0; i < snapshot.functions.size(); ++i) {
    const FunctionStats& stats = snapshot.functions[i];
    if (query.filter.Matches(NameOf(snapshot, stats))) {
      found.push_back({i, key.value != nullptr ? key.value(stats) : 0});
    }
  }
  const auto by_value = [](const Found& a, const Found& b) { return a.value < b.value; };
  const auto by_name = [&snapshot](const Found& a, const Found& b) {
    const auto parts = [&snapshot](const Found& one) {
      const selection::FunctionName name = NameOf(snapshot, snapshot.functions[one.function]);
      return std::array{name.datname, name.schema, name.function};
    };
    return parts(a) < parts(b);
  };
  const auto sort = [&found, &query](auto less) {
    if (query.descending) {
      std::stable_sort(found.begin(), found.end(),
                       [&less](const Found& a, const Found& b) { return less(b, a); });
    } else {
      std::stable_sort(found.begin(), found.end(), less);
    }
  };
  key.value != nullptr ? sort(by_value) : sort(by_name);
  return found;
}

}  // namespace

ParsedListQuery ParseListQuery(const std::vector<std::pair<std::string, std::string>>& params) {
  ParsedListQuery parsed;
  std::optional<bool> descending;
  for (const auto& [name, value] : params) {
    const char* fault = nullptr;
    if (name == "sort") {
      const auto key =
          std::find_if(kSortKeys.begin(), kSortKeys.end(),
                       [&wanted = value](const SortKey& one) { return one.name == wanted; });
      if (key == kSortKeys.end()) {
        parsed.fault = "The value of the parameter sort is none of " + SortNames() + ".";
        return parsed;
      }
      parsed.query.sort = static_cast<std::size_t>(key - kSortKeys.begin());
    } else if (name == "order") {
      descending = value == "desc";
      if (!*descending && value != "asc") {
        fault = "is neither asc nor desc";
      }
    } else if (name == "limit") {
      fault = ReadLimit(value, &parsed.query.limit);
    } else {
      parsed.query.filter.Add(name, value, &fault);
    }
    if (fault != nullptr) {
      parsed.fault = FaultSentence(name, fault);
      return parsed;
    }
  }
  // The greatest first, but names from A on.
  parsed.query.descending = descending.value_or(kSortKeys.at(parsed.query.sort).value != nullptr);
  return parsed;
}

std::string ListJson(const Snapshot& snapshot, const selection::Budget& budget,
                     const ListQuery& query) {
  const selection::Admission admission = selection::Admit(snapshot, budget);
  const std::vector<Found> found = Find(snapshot, query);
  Json json;
  json["taken_at_unix_us"] = snapshot.taken_at_us;
  json["stats_reset_unix_us"] = snapshot.stats_reset_us;
  json["tracked_functions"] = snapshot.functions.size();
  json["matching_functions"] = found.size();
  json["functions"] = Json::array();
  for (std::size_t i = 0; i < std::min(found.size(), query.limit); ++i) {
    const std::uint32_t function = found[i].function;
    json["functions"].push_back(
        ToJson(snapshot, snapshot.functions[function], admission.functions[function]));
  }
  return TextOf(json);
}

std::optional<std::string> FunctionJson(const Snapshot& snapshot, const selection::Budget& budget,
                                        std::string_view datname, std::uint32_t funcid) {
  const auto found = std::find_if(snapshot.functions.begin(), snapshot.functions.end(),
                                  [&](const FunctionStats& stats) {
                                    return stats.key.funcid == funcid && funcid != 0 &&
                                           snapshot.databases.at(stats.database).datname == datname;
                                  });
  if (found == snapshot.functions.end()) {
    return std::nullopt;
  }
  const auto number = static_cast<std::size_t>(found - snapshot.functions.begin());
  Json json;
  json["taken_at_unix_us"] = snapshot.taken_at_us;
  json["stats_reset_unix_us"] = snapshot.stats_reset_us;
  json["function"] = ToJson(snapshot, *found, selection::Admit(snapshot, budget).functions[number]);
  json["function"]["histogram"] = HistogramJson(*found);
  return TextOf(json);
}

std::string ErrorJson(std::string_view sentence) {
  Json json;
  json["error"] = sentence;
  return TextOf(json);
}

}  // namespace pg_hello::api
