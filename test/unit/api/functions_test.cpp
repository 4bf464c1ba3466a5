#include "pg_hello/api/functions.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "../exposition/sample_snapshots.h"

namespace pg_hello::api {
namespace {

using nlohmann::json;
using pg_hello::testing::AddCall;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;
using pg_hello::testing::SetText;

using Params = std::vector<std::pair<std::string, std::string>>;

// a() 1 call of 5 us, b() 3 calls of 1 us, c() none; d() in another database.
snapshot::Snapshot Sample() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "other", 0});
  for (const char* name : {"a()", "b()", "c()", "d()"}) {
    snapshot.functions.push_back(
        MakeFunction(static_cast<std::uint32_t>(101 + snapshot.functions.size()), "public", name));
  }
  AddCall(snapshot.functions[0], 5'000);
  for (int i = 0; i < 3; ++i) {
    AddCall(snapshot.functions[1], 1'000);
  }
  for (auto& function : snapshot.functions) {
    function.max_ns = function.calls > 0 ? function.duration_ns / function.calls : 0;
    function.min_ns = function.max_ns;
  }
  snapshot.functions[3].database = 1;
  return snapshot;
}

json List(const Params& params, const selection::Budget& budget = {}) {
  const ParsedListQuery parsed = ParseListQuery(params);
  EXPECT_EQ(parsed.fault, "");
  return json::parse(ListJson(Sample(), budget, parsed.query));
}

std::string Names(const json& list) {
  std::string names;
  for (const json& function : list["functions"]) {
    names += function["function"].get<std::string>();
  }
  return names;
}

TEST(ApiFunctionsTest, AFunctionHasAllItsNumbers) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot::FunctionStats stats = MakeFunction(4711, "public", "f(text)");
  AddCall(stats, 2'000);
  AddCall(stats, 4'000);
  stats.calls = 5;
  stats.untimed = 3;
  stats.errors = 2;
  stats.canceled = 1;
  stats.iterations = 9;
  stats.active = 6;
  stats.inclusive_ns = 9'007'199'254'740'993;  // 2^53 + 1
  stats.min_ns = 2'000;
  stats.max_ns = 4'000;
  stats.error_origins = {{"22", 1}, {"P0", 7}};
  SetText(stats.identity.extension, "ext");
  snapshot.functions.push_back(stats);
  const json list = json::parse(ListJson(snapshot, {}, {}));
  EXPECT_EQ(list["taken_at_unix_us"], snapshot.taken_at_us);
  EXPECT_EQ(list["stats_reset_unix_us"], snapshot.stats_reset_us);
  EXPECT_EQ(list["tracked_functions"], 1);
  EXPECT_EQ(list["matching_functions"], 1);
  const json& function = list["functions"].at(0);
  EXPECT_EQ(function["datname"], "app");
  EXPECT_EQ(function["schema"], "public");
  EXPECT_EQ(function["function"], "f(text)");
  EXPECT_EQ(function["funcid"], 4711);
  EXPECT_EQ(function["language"], "plpgsql");
  EXPECT_EQ(function["kind"], "f");
  EXPECT_EQ(function["extension"], "ext");
  EXPECT_EQ(function["metrics"], "budget");
  EXPECT_EQ(function["stats_since_unix_us"], stats.stats_since_us);
  EXPECT_EQ(function["calls"], 5);
  EXPECT_EQ(function["errors"], 2);
  EXPECT_EQ(function["canceled"], 1);
  EXPECT_EQ(function["untimed_calls"], 3);
  EXPECT_EQ(function["iterations"], 9);
  EXPECT_EQ(function["active"], 6);
  EXPECT_EQ(function["error_origins"], (json{{"22", 1}, {"P0", 7}}));
  EXPECT_EQ(function["inclusive_ns"].get<std::uint64_t>(), 9'007'199'254'740'993U);
  EXPECT_EQ(function["self_ns"], 6'000);
  EXPECT_EQ(function["duration_ns"], 6'000);
  EXPECT_EQ(function["min_ns"], 2'000);
  EXPECT_EQ(function["max_ns"], 4'000);
  EXPECT_EQ(function["mean_ns"], 3'000.0);
  EXPECT_EQ(function["p50_ns"], snapshot::Percentile(stats, 0.5));
  EXPECT_EQ(function["p99_ns"], snapshot::Percentile(stats, 0.99));
  EXPECT_FALSE(function.contains("histogram"));
}

TEST(ApiFunctionsTest, WhatIsNotKnownIsNull) {
  const json function = List({{"function", "c"}})["functions"].at(0);
  for (const char* field : {"extension", "min_ns", "max_ns", "mean_ns", "stddev_ns", "p50_ns",
                            "p90_ns", "p95_ns", "p99_ns"}) {
    EXPECT_TRUE(function.at(field).is_null()) << field;
  }
  EXPECT_EQ(function["error_origins"], json::object());
}

TEST(ApiFunctionsTest, TheDearestComeFirstUnlessAskedOtherwise) {
  EXPECT_EQ(Names(List({})), "a()b()c()d()");
  EXPECT_EQ(Names(List({{"sort", "calls"}})), "b()a()c()d()");
  EXPECT_EQ(Names(List({{"sort", "calls"}, {"order", "asc"}})), "c()d()a()b()");
  EXPECT_EQ(Names(List({{"order", "desc"}, {"sort", "p99_ns"}})), "a()b()c()d()");
  EXPECT_EQ(Names(List({{"sort", "function"}})), "a()b()c()d()");
  EXPECT_EQ(Names(List({{"sort", "function"}, {"order", "desc"}})), "d()c()b()a()");
  EXPECT_EQ(Names(List({{"sort", "calls"}, {"sort", "inclusive_ns"}})), "a()b()c()d()");
}

TEST(ApiFunctionsTest, TheLimitCutsAndSaysOfHowMany) {
  const json list = List({{"limit", "2"}});
  EXPECT_EQ(Names(list), "a()b()");
  EXPECT_EQ(list["matching_functions"], 4);
  EXPECT_EQ(list["tracked_functions"], 4);
}

TEST(ApiFunctionsTest, FiltersChoose) {
  const json list = List({{"datname", "app"}, {"function", "a"}, {"function", "d"}});
  EXPECT_EQ(Names(list), "a()");
  EXPECT_EQ(list["matching_functions"], 1);
  EXPECT_EQ(Names(List({{"datname", "nowhere"}})), "");
}

TEST(ApiFunctionsTest, WhatMetricsDoesNotShowIsHereToo) {
  const json list = List({}, {1, 1, selection::ParsePatterns("other:*.d").list});
  EXPECT_EQ(Names(list), "a()b()c()d()");
  std::string reasons;
  for (const json& function : list["functions"]) {
    reasons += function["metrics"].get<std::string>() + " ";
  }
  EXPECT_EQ(reasons, "budget suppressed suppressed pinned ");
}

TEST(ApiFunctionsTest, ParametersThatMakeNoSenseAreRefusedInASentence) {
  const auto fault = [](const char* name, const char* value) {
    return ParseListQuery({{name, value}}).fault;
  };
  EXPECT_EQ(fault("sort", "evil"),
            "The value of the parameter sort is none of inclusive_ns, self_ns, calls, errors, "
            "canceled, iterations, active, min_ns, max_ns, mean_ns, p50_ns, p90_ns, p95_ns, "
            "p99_ns, function.");
  EXPECT_EQ(fault("order", "down"), "The value of the parameter order is neither asc nor desc.");
  for (const char* limit : {"", "0", "1001", "-1", "5x", " 5", "99999999999999999999"}) {
    EXPECT_EQ(fault("limit", limit),
              "The value of the parameter limit is no number from 1 to 1000.");
  }
  EXPECT_EQ(fault("datname", ""), "The value of the parameter datname is empty.");
  EXPECT_EQ(fault("unknown", "evil"), "");
  EXPECT_EQ(fault("limit", "1000"), "");
}

TEST(ApiFunctionsTest, OneFunctionHasItsHistogram) {
  const snapshot::Snapshot snapshot = Sample();
  const auto text = FunctionJson(snapshot, {}, "app", 102);
  ASSERT_TRUE(text);
  const json function = json::parse(*text)["function"];
  EXPECT_EQ(function["function"], "b()");
  EXPECT_EQ(function["histogram"]["count"], 3);
  EXPECT_EQ(function["histogram"]["sum_ns"], 3'000);
  ASSERT_EQ(function["histogram"]["buckets"].size(), 1U);
  const json& bucket = function["histogram"]["buckets"][0];
  EXPECT_EQ(bucket["count"], 3);
  EXPECT_LT(bucket["gt_ns"].get<std::uint64_t>(), 1'000U);
  EXPECT_GE(bucket["le_ns"].get<std::uint64_t>(), 1'000U);
  EXPECT_EQ(
      json::parse(*FunctionJson(snapshot, {}, "app", 103))["function"]["histogram"]["buckets"],
      json::array());
}

TEST(ApiFunctionsTest, TheOutermostBucketsAreOpen) {
  snapshot::Snapshot snapshot = Sample();
  AddCall(snapshot.functions[2], 0);
  AddCall(snapshot.functions[2], UINT64_MAX / 2);
  const json buckets =
      json::parse(*FunctionJson(snapshot, {}, "app", 103))["function"]["histogram"]["buckets"];
  ASSERT_EQ(buckets.size(), 2U);
  EXPECT_TRUE(buckets[0]["gt_ns"].is_null());
  EXPECT_EQ(buckets[0]["le_ns"], measure::kUpperBoundsNs.front());
  EXPECT_EQ(buckets[1]["gt_ns"], measure::kUpperBoundsNs.back());
  EXPECT_TRUE(buckets[1]["le_ns"].is_null());
}

TEST(ApiFunctionsTest, WhoIsNotThereIsNotFound) {
  snapshot::Snapshot snapshot = Sample();
  EXPECT_FALSE(FunctionJson(snapshot, {}, "app", 104));
  EXPECT_FALSE(FunctionJson(snapshot, {}, "nowhere", 101));
  snapshot.functions[0].key.funcid = 0;  // temporary
  EXPECT_FALSE(FunctionJson(snapshot, {}, "app", 0));
}

TEST(ApiFunctionsTest, NamesOfAllKindsAreJson) {
  snapshot::Snapshot snapshot = Sample();
  SetText(snapshot.functions[0].identity.function, "\"q\\\"\n\u00e9\"()");
  SetText(snapshot.functions[1].identity.function, "caf\xe9()");
  const json list = json::parse(ListJson(snapshot, {}, {}));
  EXPECT_EQ(list["functions"][0]["function"], "\"q\\\"\n\u00e9\"()");
  EXPECT_EQ(list["functions"][1]["function"], "caf\ufffd()");
}

}  // namespace
}  // namespace pg_hello::api
