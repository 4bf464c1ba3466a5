// Totals that only grow, whatever happens to the functions.
#include "pg_hello/objectives/tally.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "../exposition/sample_snapshots.h"
#include "pg_hello/objectives/burn_rate.h"

namespace pg_hello::objectives {
namespace {

using measure::Events;
using pg_hello::testing::AddCall;
using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;
using pg_hello::testing::SetText;

constexpr std::uint64_t kFast = 1'000'000;
constexpr std::uint64_t kSlow = 20'000'000;

class TallyTest : public ::testing::Test {
 protected:
  TallyTest() { Start("quick = 99% < 10ms: public.*; sound = 99.9%: *.*"); }

  // A worker: `setting` is what it finds.
  void Start(const std::string& setting) {
    tally_ = std::make_unique<Tally>(*state_);
    Set(setting);
    Look();
  }
  void Set(const std::string& setting) {
    ParsedSlos parsed = ParseSlos(setting);
    ASSERT_EQ(parsed.fault, "");
    tally_->SetSlos(std::move(parsed.slos), kNowUs);
  }
  void Look() { tally_->Look(snapshot_, now_ms_ += 5'000); }

  snapshot::FunctionStats& Add(std::uint32_t funcid, const char* schema, const char* name) {
    return snapshot_.functions.emplace_back(MakeFunction(funcid, schema, name));
  }
  static void Call(snapshot::FunctionStats& function, int times, std::uint64_t ns) {
    for (int i = 0; i < times; ++i) AddCall(function, ns);
  }
  static void ResetAt(snapshot::FunctionStats& function, std::int64_t us) {
    snapshot::FunctionStats empty{};
    empty.key = function.key;
    empty.identity = function.identity;
    empty.stats_since_us = us;
    function = empty;
  }

  shared::SloRecord Record(const std::string& name) const {
    const shared::SloBoard board = *state_->board.Read();
    for (std::uint32_t i = 0; i < board.count; ++i) {
      if (board.slos[i].name == name) return board.slos[i];
    }
    ADD_FAILURE() << "no objective " << name;
    return {};
  }
  Events Total(const std::string& name) const { return Record(name).total; }

  snapshot::Snapshot snapshot_ = MakeSnapshot();
  std::int64_t now_ms_ = 1'000'000;
  std::unique_ptr<shared::SloState> state_ = std::make_unique<shared::SloState>();
  std::unique_ptr<Tally> tally_;
};

TEST_F(TallyTest, CountsCallsThatFailedOrWereTooSlow) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  Call(f, 10, kFast);
  Call(f, 3, kSlow);
  Call(f, 1, 10'000'000);  // not slower
  f.errors = 2;
  Look();
  EXPECT_EQ(Total("quick"), (Events{14, 5}));
  EXPECT_EQ(Total("sound"), (Events{14, 2}));
  Look();
  EXPECT_EQ(Total("quick"), (Events{14, 5})) << "nothing has happened";
  Call(f, 1, kSlow);
  Look();
  EXPECT_EQ(Total("quick"), (Events{15, 6}));
}

TEST_F(TallyTest, FollowsItsPatterns) {
  Call(Add(1, "public", "f()"), 1, kFast);
  Call(Add(2, "other", "f()"), 10, kSlow);
  Look();
  EXPECT_EQ(Total("quick"), (Events{1, 0}));
  EXPECT_EQ(Total("sound"), (Events{11, 0}));
}

TEST_F(TallyTest, ACanceledCallIsBadIfItWasSlow) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  Call(f, 1, kFast);
  Call(f, 1, kSlow);
  f.errors = 2;
  f.canceled = 2;
  Look();
  EXPECT_EQ(Total("quick"), (Events{2, 1}));
  EXPECT_EQ(Total("sound"), (Events{2, 0}));
}

TEST_F(TallyTest, ThereAreNeverMoreBadEventsThanEvents) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  Call(f, 5, kSlow);
  f.errors = 5;
  Look();
  EXPECT_EQ(Total("quick"), (Events{5, 5}));
}

TEST_F(TallyTest, AnErrorThatIsSeenBeforeItsCallIsNotLost) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  f.errors = 1;
  Look();
  EXPECT_EQ(Total("sound"), (Events{0, 0}));
  Call(f, 1, kFast);
  Look();
  EXPECT_EQ(Total("sound"), (Events{1, 1}));
  Look();
  EXPECT_EQ(Total("sound"), (Events{1, 1}));
}

TEST_F(TallyTest, DropsAndResetsDoNotTurnItBack) {
  Call(Add(1, "public", "f()"), 10, kSlow);
  Call(Add(2, "public", "g()"), 5, kFast);
  Look();
  snapshot_.functions.erase(snapshot_.functions.begin());
  ResetAt(snapshot_.functions[0], kNowUs);
  Look();
  EXPECT_EQ(Total("quick"), (Events{15, 10}));
  Call(snapshot_.functions[0], 7, kSlow);  // more than before the reset
  Look();
  EXPECT_EQ(Total("quick"), (Events{22, 17}));
  ResetAt(snapshot_.functions[0], kNowUs + 1);
  Call(snapshot_.functions[0], 8, kSlow);  // reset and called between two looks
  Look();
  EXPECT_EQ(Total("quick"), (Events{30, 25}));
}

TEST_F(TallyTest, AFunctionThatTakesADroppedOnesOidIsAnother) {
  Call(Add(1, "public", "f()"), 10, kFast);
  Look();
  snapshot_.functions.clear();
  snapshot::FunctionStats& g = Add(1, "public", "g()");
  g.stats_since_us = kNowUs;
  Call(g, 12, kSlow);
  Look();
  EXPECT_EQ(Total("quick"), (Events{22, 12}));
}

TEST_F(TallyTest, ARenamedFunctionsCallsStayWhereTheyWereMade) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  Call(f, 10, kSlow);
  Look();
  Call(f, 1, kSlow);
  SetText(f.identity.schema, "other");
  Look();
  EXPECT_EQ(Total("quick"), (Events{11, 11}));
  Call(f, 5, kSlow);
  SetText(f.identity.schema, "public");
  Look();
  EXPECT_EQ(Total("quick"), (Events{11, 11})) << "made under the other name, as far as is known";
  Call(f, 1, kFast);
  Look();
  EXPECT_EQ(Total("quick"), (Events{12, 11}));
  EXPECT_EQ(Total("sound"), (Events{17, 0}));
}

TEST_F(TallyTest, ANewWorkerGoesOn) {
  snapshot::FunctionStats& f = Add(1, "public", "f()");
  Call(f, 10, kSlow);
  Look();
  Call(f, 100, kFast);  // while there is no worker
  Start("quick = 99% < 10ms: public.*; sound = 99.9%: *.*");
  EXPECT_EQ(Total("quick"), (Events{10, 10}));
  Call(snapshot_.functions[0], 1, kFast);
  Look();
  EXPECT_EQ(Total("quick"), (Events{11, 10}));
  EXPECT_EQ(Record("quick").last_5_minutes.events, (Events{11, 10})) << "the windows go on, too";
}

TEST_F(TallyTest, WhatWasCountedBeforeTheServersStartIsNoEvent) {
  state_ = std::make_unique<shared::SloState>();
  Call(Add(1, "public", "f()"), 10, kSlow);  // from the file of the last shutdown
  Start("quick = 99% < 10ms: public.*");
  EXPECT_EQ(Total("quick"), (Events{0, 0}));
}

TEST_F(TallyTest, AnObjectiveThatIsSetLaterBeginsThen) {
  Call(Add(1, "public", "f()"), 10, kSlow);
  Look();
  Set("sound = 99.9%: *.*; new = 90% < 1ms: *.f; quick = 99% < 10ms: public.*");
  Look();
  EXPECT_EQ(Total("new"), (Events{0, 0}));
  Call(snapshot_.functions[0], 2, 2'000'000);
  Look();
  EXPECT_EQ(Total("new"), (Events{2, 2}));
  EXPECT_EQ(Total("quick"), (Events{12, 10}));
  EXPECT_EQ(Total("sound"), (Events{12, 0}));
}

TEST_F(TallyTest, OnlyAnotherTargetKeepsTheTotals) {
  Call(Add(1, "public", "f()"), 10, kSlow);
  Look();
  Set("quick = 90% < 10ms: public.*; sound = 99.9%: *.f");
  Look();
  EXPECT_EQ(Total("quick"), (Events{10, 10}));
  EXPECT_EQ(Record("quick").objective_ppb, 900'000'000U);
  EXPECT_EQ(Total("sound"), (Events{0, 0})) << "its functions are others";
  Set("quick = 90% < 50ms: public.*");
  Look();
  EXPECT_EQ(Total("quick"), (Events{0, 0})) << "its threshold is another";
  EXPECT_EQ(state_->board.Read()->count, 1U);
  Set("");
  Look();
  EXPECT_EQ(state_->board.Read()->count, 0U);
}

TEST_F(TallyTest, WindowsAreOfTheLastMinutes) {
  Call(Add(1, "public", "f()"), 10, kSlow);
  Look();
  for (int i = 0; i < 12 * 10; ++i) {  // ten minutes
    Call(snapshot_.functions[0], 1, kFast);
    Look();
  }
  const shared::SloRecord quick = Record("quick");
  EXPECT_EQ(quick.last_hour.events, (Events{130, 10}));
  EXPECT_EQ(quick.last_5_minutes.events.bad, 0U);
  EXPECT_GE(quick.last_5_minutes.events.all, 60U);
  EXPECT_LE(quick.last_5_minutes.events.all, 63U);
}

TEST(BurnRateTest, IsTheShareOfTheBudget) {
  EXPECT_FALSE(BurnRate({0, 0}, 999'000'000));
  EXPECT_EQ(BurnRate({1'000, 0}, 999'000'000), 0);
  EXPECT_DOUBLE_EQ(BurnRate({1'000, 1}, 999'000'000).value(), 1);
  EXPECT_DOUBLE_EQ(BurnRate({100, 10}, 950'000'000).value(), 2);
  EXPECT_DOUBLE_EQ(BurnRate({5, 5}, 999'999'999).value(), 1e9);
  shared::SloRecord slo{};
  slo.objective_ppb = 900'000'000;
  EXPECT_FALSE(BudgetLeft(slo));
  slo.total = {1'000, 40};
  EXPECT_DOUBLE_EQ(BudgetLeft(slo).value(), 0.6);
  slo.total = {1'000, 300};
  EXPECT_DOUBLE_EQ(BudgetLeft(slo).value(), -2);
}

TEST(BurnRateTest, IsFastInBothWindowsAndOfEnoughEvents) {
  shared::SloRecord slo{};
  slo.objective_ppb = 990'000'000;
  EXPECT_FALSE(BurnsFast(slo));
  slo.last_hour.events = {1'000, 145};
  EXPECT_FALSE(BurnsFast(slo)) << "it is over";
  slo.last_5_minutes.events = {10, 2};
  EXPECT_TRUE(BurnsFast(slo));
  slo.last_hour.events = {1'000, 144};
  EXPECT_FALSE(BurnsFast(slo)) << "not for long enough";
  slo.last_hour.events = {99, 99};
  EXPECT_FALSE(BurnsFast(slo)) << "hardly any events";
  slo.last_hour.events = {100, 100};
  EXPECT_TRUE(BurnsFast(slo));
}

}  // namespace
}  // namespace pg_hello::objectives
