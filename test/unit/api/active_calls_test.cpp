#include "pg_hello/api/active_calls.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../exposition/sample_snapshots.h"

namespace pg_hello::api {
namespace {

using nlohmann::json;
using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;

using Params = std::vector<std::pair<std::string, std::string>>;

// Backend 70 is in a() since two seconds, which called b(); backend 71 in b() since three.
snapshot::Snapshot Sample() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(101, "public", "a()"));
  snapshot.functions.push_back(MakeFunction(102, "sales", "b()"));
  snapshot.active_calls = {{0, 70, 1, kNowUs - 2'000'000},
                           {1, 70, 2, kNowUs - 2'000'000},
                           {1, 71, 1, kNowUs - 3'000'000}};
  return snapshot;
}

json Ask(const Params& params, const snapshot::Snapshot& snapshot = Sample()) {
  const ParsedActiveQuery parsed = ParseActiveQuery(params);
  EXPECT_EQ(parsed.fault, "");
  const std::string text = ActiveJson(snapshot, parsed.query);
  EXPECT_TRUE(text.ends_with("}\n"));
  return json::parse(text);
}

TEST(ApiActiveCallsTest, ACallHasAllItsNumbersAndNoMore) {
  const json call = Ask({})["calls"][0];
  const json expected = {{"datname", "app"},
                         {"schema", "sales"},
                         {"function", "b()"},
                         {"funcid", 102},
                         {"pid", 71},
                         {"depth", 1},
                         {"started_at_unix_us", kNowUs - 3'000'000}};
  EXPECT_EQ(call, expected);
}

TEST(ApiActiveCallsTest, TheOldestComesFirstAndTheOuterOfTwo) {
  const json answer = Ask({});
  EXPECT_EQ(answer["taken_at_unix_us"], kNowUs);
  EXPECT_EQ(answer["active_calls"], 3);
  EXPECT_EQ(answer["matching_calls"], 3);
  std::string order;
  for (const json& call : answer["calls"]) {
    order += call["function"].get<std::string>() + std::to_string(call["pid"].get<int>()) + " ";
  }
  EXPECT_EQ(order, "b()71 a()70 b()70 ");
}

TEST(ApiActiveCallsTest, LimitAndFiltersChoose) {
  const json limited = Ask({{"limit", "1"}});
  EXPECT_EQ(limited["calls"].size(), 1U);
  EXPECT_EQ(limited["matching_calls"], 3);
  const json filtered = Ask({{"schema", "sal*"}, {"unknown", ""}});
  EXPECT_EQ(filtered["active_calls"], 3);
  EXPECT_EQ(filtered["matching_calls"], 2);
  EXPECT_EQ(filtered["calls"].size(), 2U);
}

TEST(ApiActiveCallsTest, NothingRunsIsAnEmptyList) {
  const json answer = Ask({}, MakeSnapshot());
  EXPECT_EQ(answer["active_calls"], 0);
  EXPECT_EQ(answer["calls"], json::array());
}

TEST(ApiActiveCallsTest, WhatMakesNoSenseIsRefusedWithASentence) {
  for (const char* limit : {"", "0", "1001", "x", "1x", "-1"}) {
    EXPECT_EQ(ParseActiveQuery({{"limit", limit}}).fault,
              "The value of the parameter limit is no number from 1 to 1000.");
  }
  EXPECT_EQ(ParseActiveQuery({{"datname", ""}}).fault,
            "The value of the parameter datname is empty.");
}

}  // namespace
}  // namespace pg_hello::api
