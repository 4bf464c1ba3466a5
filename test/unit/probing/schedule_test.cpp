// Rounds of visits with a clock that goes where it is told, and visitors that do as they are told.
#include "pg_hello/probing/schedule.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::probing {
namespace {

using pg_hello::testing::NameOf;
using pg_hello::testing::SharedMemory;
using shared::NotProbed;
using shared::ProbedDatabase;
using shared::ProbeKind;
using shared::ProbeState;
using shared::ProbeTarget;
using shared::VisitEnd;
using shared::VisitReport;

constexpr std::int64_t kEpochUs = 1'700'000'000'000'000;

VisitReport AllWell() {
  VisitReport report{};
  report.end = VisitEnd::kDone;
  for (shared::ProbeOutcome& outcome : report.outcomes) {
    outcome.state = ProbeState::kPassed;
    outcome.duration_ns = 1'000;
  }
  return report;
}

VisitReport Failing(ProbeKind kind, const char* text) {
  VisitReport report = AllWell();
  shared::ProbeOutcome& outcome = report.outcomes[static_cast<std::size_t>(kind)];
  outcome.state = ProbeState::kFailed;
  std::strncpy(outcome.text, text, sizeof(outcome.text) - 1);
  return report;
}

VisitReport WithoutExtension() {
  VisitReport report = Failing(ProbeKind::kExtension, "the extension is not installed");
  report.no_extension = true;
  return report;
}

VisitReport Ending(VisitEnd end) {
  VisitReport report = Failing(ProbeKind::kConnect, "no such database");
  report.end = end;
  return report;
}

class ScheduleTest : public ::testing::Test {
 protected:
  shared::ProbeBoard& board() { return stats_->probes; }
  Now now() const { return {now_ms_, kEpochUs + now_ms_ * 1'000}; }

  // What is done next, carried out. Nothing if nothing is due.
  std::optional<Action> Step() {
    Action action{};
    if (!schedule_.Next(now(), config_, open_, &action)) {
      return std::nullopt;
    }
    if (action.kind == Action::Kind::kStart) {
      if (slots_ > 0) {
        --slots_;
      } else {
        schedule_.Started(action, false, now());
        return std::nullopt;
      }
      schedule_.Started(action, true, now());
      EXPECT_TRUE(board().lanes[action.lane].Take(action.ticket, 4711));
      if (action.dbid != 0) {
        visited_.push_back(action.dbid);
      }
      at_work_[action.lane] = action;
    } else {
      stopped_.push_back(action.lane);
    }
    return action;
  }

  // The visitor in this lane leaves and is buried.
  void End(std::uint32_t lane) {
    const Action action = at_work_.at(lane);
    at_work_.erase(lane);
    ++slots_;
    if (action.dbid == 0) {
      std::copy(databases_.begin(), databases_.end(), board().targets.begin());
      board().target_count = static_cast<std::uint32_t>(databases_.size());
      VisitReport report{};
      report.end = list_end_;
      board().lanes[lane].report.Publish(report);
    } else if (reports_.contains(action.dbid)) {
      board().lanes[lane].report.Publish(reports_.at(action.dbid));
    } else {
      board().lanes[lane].report.Publish(AllWell());
    }
    board().lanes[lane].Leave(action.ticket, 4711);
    schedule_.Ended(lane, now());
  }

  // All visitors do what they have to do, one after another, but for those in `hanging_`.
  void RunRound() {
    visited_.clear();
    for (bool progress = true; progress;) {
      progress = false;
      while (Step()) {
        progress = true;
      }
      for (std::uint32_t lane = 0; lane < shared::kProbeLanes; ++lane) {
        if (at_work_.contains(lane) && !hanging_.contains(at_work_[lane].dbid)) {
          End(lane);
          progress = true;
        }
      }
    }
  }

  void NextRound() {
    now_ms_ += config_.interval_ms;
    RunRound();
  }

  void AddDatabase(std::uint32_t dbid, const char* name, bool named = false) {
    databases_.push_back({dbid, named, NameOf(name)});
  }

  std::optional<ProbedDatabase> Row(std::uint32_t dbid) {
    for (std::uint32_t i = 0; i < board().rows_end; ++i) {
      const auto row = board().rows[i].Read();
      if (row && row->dbid == dbid) {
        return row;
      }
    }
    return std::nullopt;
  }

  ProbeState State(std::uint32_t dbid, ProbeKind kind) {
    const auto row = Row(dbid);
    return row ? row->results[static_cast<std::size_t>(kind)].state : ProbeState::kNotRun;
  }

  std::uint64_t Skipped(NotProbed reason) {
    return board().not_probed[static_cast<std::size_t>(reason)];
  }

  std::vector<std::string> Announcements() {
    std::vector<std::string> messages;
    for (Announcement announcement{}; schedule_.NextAnnouncement(&announcement);) {
      messages.push_back(announcement.message);
    }
    return messages;
  }

  SharedMemory stats_;
  Schedule schedule_{*stats_};
  Config config_{30'000, 3'000};
  bool open_ = true;
  std::int64_t now_ms_ = 1'000'000;
  int slots_ = 8;
  VisitEnd list_end_ = VisitEnd::kDone;
  std::vector<ProbeTarget> databases_;
  std::map<std::uint32_t, VisitReport> reports_;
  std::unordered_set<std::uint32_t> hanging_;
  std::map<std::uint32_t, Action> at_work_;
  std::vector<std::uint32_t> visited_;
  std::vector<std::uint32_t> stopped_;
};

TEST_F(ScheduleTest, ARoundListsTheDatabasesAndVisitsThem) {
  AddDatabase(10, "a");
  AddDatabase(11, "b");
  RunRound();
  EXPECT_EQ(visited_, (std::vector<std::uint32_t>{10, 11}));
  EXPECT_STREQ(Row(10)->name.datname, "a");
  EXPECT_EQ(State(11, ProbeKind::kSpiVersion), ProbeState::kPassed);
  EXPECT_EQ(board().last_round_us, now().us);
  EXPECT_TRUE(Announcements().empty());
}

TEST_F(ScheduleTest, TheNextRoundBeginsOneIntervalAfterTheLastOneBegan) {
  AddDatabase(10, "a");
  RunRound();
  now_ms_ += 29'999;
  EXPECT_FALSE(Step());
  EXPECT_EQ(schedule_.TimeoutMs(now(), config_, 60'000), 1);
  now_ms_ += 1;
  EXPECT_TRUE(Step());
}

TEST_F(ScheduleTest, NothingIsDoneWhileTheServerTakesNoConnections) {
  open_ = false;
  EXPECT_FALSE(Step());
  EXPECT_GT(schedule_.TimeoutMs(now(), config_, 60'000), 0) << "asking again and again at once";
  open_ = true;
  now_ms_ += kNotOpenRetryMs;
  EXPECT_TRUE(Step());
}

TEST_F(ScheduleTest, NeverMoreVisitsAtOnceThanLanes) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    AddDatabase(100 + i, "many");
  }
  ASSERT_TRUE(Step());
  EXPECT_FALSE(Step()) << "a visit before the list is there";
  End(0);
  for (std::uint32_t lane = 0; lane < shared::kProbeLanes; ++lane) {
    EXPECT_TRUE(Step());
  }
  EXPECT_FALSE(Step());
  EXPECT_EQ(at_work_.size(), shared::kProbeLanes);
  RunRound();
  EXPECT_EQ(visited_.size(), 98U);
}

TEST_F(ScheduleTest, WhoHasNoExtensionIsNotShownAndVisitedAgainOnlyOnceInAWhile) {
  AddDatabase(10, "a");
  AddDatabase(11, "plain");
  reports_[11] = WithoutExtension();
  RunRound();
  EXPECT_FALSE(Row(11));
  int visits = 0;
  for (std::uint32_t i = 0; i < kLookAgainRounds; ++i) {
    NextRound();
    visits += static_cast<int>(visited_.size());
  }
  EXPECT_EQ(visits, static_cast<int>(kLookAgainRounds) + 1);
}

TEST_F(ScheduleTest, WhoGetsTheExtensionIsVisitedInTheNextRound) {
  AddDatabase(11, "plain");
  reports_[11] = WithoutExtension();
  RunRound();
  stats_->FindOrInsertDatabase(11, NameOf("plain"));
  stats_->ShowExtensionVersion(11, shared::ExtensionVersion{"1.1"});
  reports_.clear();
  NextRound();
  EXPECT_TRUE(Row(11));
}

TEST_F(ScheduleTest, WhoIsNamedMustHaveTheExtension) {
  AddDatabase(11, "plain", true);
  reports_[11] = WithoutExtension();
  RunRound();
  EXPECT_EQ(State(11, ProbeKind::kExtension), ProbeState::kFailed);
}

TEST_F(ScheduleTest, AHangingVisitDelaysNobodyElse) {
  for (const std::uint32_t dbid : {10U, 11U, 12U, 13U}) {
    AddDatabase(dbid, "d");
  }
  hanging_ = {10};
  RunRound();
  EXPECT_EQ(visited_, (std::vector<std::uint32_t>{10, 11, 12, 13}));
  EXPECT_TRUE(Row(13));
  EXPECT_EQ(board().last_round_us, 0);
  now_ms_ += config_.timeout_ms + kOverdueMs;
  RunRound();
  EXPECT_EQ(stopped_.size(), 1U) << "who does not end is ended";
  EXPECT_EQ(State(10, ProbeKind::kConnect), ProbeState::kFailed);
  EXPECT_EQ(board().last_round_us, now().us) << "it is not waited for";
  // It is not visited twice at once, and when it can be again, it comes last.
  NextRound();
  EXPECT_EQ(visited_, (std::vector<std::uint32_t>{11, 12, 13}));
  EXPECT_EQ(Skipped(NotProbed::kStillRunning), 1U);
  hanging_.clear();
  NextRound();
  EXPECT_EQ(visited_, (std::vector<std::uint32_t>{11, 12, 13, 10}));
  NextRound();
  EXPECT_EQ(visited_.front(), 10U);
  EXPECT_EQ(State(10, ProbeKind::kConnect), ProbeState::kPassed);
}

TEST_F(ScheduleTest, IfNoVisitorEndsNothingIsKnownOfTheOthers) {
  for (const std::uint32_t dbid : {10U, 11U, 12U}) {
    AddDatabase(dbid, "d");
  }
  RunRound();
  hanging_ = {10, 11};
  NextRound();
  now_ms_ += config_.timeout_ms + kOverdueMs;
  RunRound();
  EXPECT_EQ(Row(12)->results[0].state, ProbeState::kNotRun);
  EXPECT_EQ(Skipped(NotProbed::kStillRunning), 1U);
  EXPECT_EQ(stopped_.size(), 2U);
}

TEST_F(ScheduleTest, AChangeIsToldOnce) {
  AddDatabase(10, "a\nb");
  RunRound();
  reports_[10] = Failing(ProbeKind::kNowMs, "no answer");
  NextRound();
  NextRound();
  EXPECT_EQ(Announcements(),
            std::vector<std::string>{"probes of database \"a b\" fail: now_ms (no answer)"});
  const auto failing = Row(10)->results[static_cast<std::size_t>(ProbeKind::kNowMs)];
  EXPECT_EQ(failing.since_us, now().us - 30'000'000);
  EXPECT_EQ(failing.last_success_us, now().us - 60'000'000);
  reports_.clear();
  NextRound();
  NextRound();
  EXPECT_EQ(Announcements(), std::vector<std::string>{"the probes of database \"a b\" pass again"});
}

TEST_F(ScheduleTest, ADatabaseThatIsDroppedBusyOrInterruptedHasNotFailed) {
  for (const std::uint32_t dbid : {10U, 11U, 12U}) {
    AddDatabase(dbid, "d");
  }
  RunRound();
  reports_ = {{10, Ending(VisitEnd::kGone)},
              {11, Ending(VisitEnd::kBusy)},
              {12, Ending(VisitEnd::kInterrupted)}};
  NextRound();
  for (const std::uint32_t dbid : {10U, 11U, 12U}) {
    EXPECT_EQ(State(dbid, ProbeKind::kConnect), ProbeState::kPassed) << dbid;
  }
  EXPECT_EQ(Skipped(NotProbed::kDatabaseBusy), 1U);
  EXPECT_EQ(Skipped(NotProbed::kInterrupted), 1U);
  databases_.erase(databases_.begin());
  NextRound();
  EXPECT_FALSE(Row(10));
  EXPECT_TRUE(Announcements().empty());
}

TEST_F(ScheduleTest, ADatabaseThatIsListedAndNotThereTwiceIsBroken) {
  AddDatabase(10, "a");
  reports_[10] = Ending(VisitEnd::kGone);
  RunRound();
  EXPECT_FALSE(Row(10));
  NextRound();
  EXPECT_EQ(State(10, ProbeKind::kConnect), ProbeState::kFailed);
}

TEST_F(ScheduleTest, WithoutSlotsTheRoundIsGivenUpAndNothingIsKnown) {
  AddDatabase(10, "a");
  RunRound();
  slots_ = 0;
  now_ms_ += 30'000;
  const std::int64_t last_round_us = board().last_round_us;
  for (int i = 0; i <= 30; ++i, now_ms_ += kSlotRetryMs) {
    EXPECT_EQ(board().lacks_slot, 0U) << i;
    EXPECT_FALSE(Step());
  }
  EXPECT_EQ(board().lacks_slot, 1U);
  EXPECT_EQ(Skipped(NotProbed::kNoWorkerSlot), 1U);
  EXPECT_EQ(State(10, ProbeKind::kConnect), ProbeState::kNotRun);
  EXPECT_STREQ(Row(10)->results[0].text, "no free background worker slot");
  EXPECT_EQ(board().last_round_us, last_round_us);
  EXPECT_EQ(Announcements().size(), 1U);
  slots_ = 1;
  NextRound();
  EXPECT_EQ(board().lacks_slot, 0U);
  EXPECT_EQ(State(10, ProbeKind::kConnect), ProbeState::kPassed);
  EXPECT_EQ(Announcements(), std::vector<std::string>{"databases are probed again"});
}

TEST_F(ScheduleTest, OneSlotIsEnough) {
  for (const std::uint32_t dbid : {10U, 11U, 12U}) {
    AddDatabase(dbid, "d");
  }
  config_.interval_ms = 1;  // a round takes longer
  slots_ = 1;
  for (int i = 0; i < 8; ++i, now_ms_ += 10 * kSlotRetryMs) {
    RunRound();
  }
  EXPECT_TRUE(Row(10) && Row(11) && Row(12));
  EXPECT_EQ(board().lacks_slot, 0U);
  EXPECT_EQ(Skipped(NotProbed::kNoWorkerSlot), 0U);
}

TEST_F(ScheduleTest, AVisitorThatNeverComesIsNobodysFailure) {
  AddDatabase(10, "a");
  ASSERT_TRUE(Step());
  End(0);
  Action action{};
  ASSERT_TRUE(schedule_.Next(now(), config_, true, &action));
  schedule_.Started(action, true, now());
  now_ms_ += config_.timeout_ms + kOverdueMs;
  ASSERT_TRUE(Step());
  EXPECT_EQ(stopped_.size(), 1U);
  EXPECT_EQ(Skipped(NotProbed::kInterrupted), 1U);
  EXPECT_FALSE(board().lanes[action.lane].Take(action.ticket, 4711)) << "it comes too late";
}

TEST_F(ScheduleTest, AListThatIsNotCompleteIsNotTaken) {
  AddDatabase(10, "a");
  RunRound();
  databases_.clear();
  list_end_ = VisitEnd::kInterrupted;
  NextRound();
  EXPECT_TRUE(Row(10));
  EXPECT_EQ(Skipped(NotProbed::kInterrupted), 1U);
  list_end_ = VisitEnd::kDone;
  NextRound();
  EXPECT_FALSE(Row(10));
}

TEST_F(ScheduleTest, WithoutAnIntervalNothingIsKnownAndNothingIsDone) {
  AddDatabase(10, "a");
  RunRound();
  config_.interval_ms = 0;
  EXPECT_FALSE(Step());
  EXPECT_FALSE(Row(10));
  EXPECT_EQ(board().last_round_us, 0);
  EXPECT_EQ(schedule_.TimeoutMs(now(), config_, 1'000), 1'000);
  config_.interval_ms = 30'000;
  RunRound();
  EXPECT_TRUE(Row(10)) << "switched on, a round begins at once";
}

TEST_F(ScheduleTest, AWorkerThatMakesNoProbesForgetsThoseOfAnother) {
  AddDatabase(10, "a");
  RunRound();
  Schedule next(*stats_);
  Action action{};
  EXPECT_FALSE(next.Next(now(), {0, 3'000}, true, &action));
  EXPECT_FALSE(Row(10));
  EXPECT_EQ(board().interval_ms, 0);
}

TEST_F(ScheduleTest, AVisitThatEndsAfterProbesWereSwitchedOffLeavesNothing) {
  AddDatabase(10, "a");
  hanging_ = {10};
  RunRound();
  config_.interval_ms = 0;
  EXPECT_FALSE(Step());
  hanging_.clear();
  RunRound();
  EXPECT_FALSE(Row(10));
}

TEST_F(ScheduleTest, MoreDatabasesThanRowsAreCounted) {
  for (std::uint32_t i = 0; i < shared::kMaxProbedDatabases + 3; ++i) {
    AddDatabase(100 + i, "many");
  }
  RunRound();
  EXPECT_EQ(Skipped(NotProbed::kNoPlace), 3U);
  databases_.erase(databases_.begin(), databases_.begin() + 3);
  NextRound();
  EXPECT_TRUE(Row(100 + shared::kMaxProbedDatabases + 2)) << "free rows are used again";
}

TEST_F(ScheduleTest, AnotherWorkerTakesOver) {
  AddDatabase(10, "a");
  hanging_ = {10};
  RunRound();
  const Action abandoned = at_work_.begin()->second;
  Schedule next(*stats_);
  Action action{};
  ASSERT_TRUE(next.Next(now(), config_, true, &action));
  EXPECT_NE(action.lane, abandoned.lane) << "somebody is at work there";
  EXPECT_NE(action.ticket, abandoned.ticket);
  board().lanes[abandoned.lane].Leave(abandoned.ticket, 4711);
  EXPECT_FALSE(board().lanes[abandoned.lane].Take(abandoned.ticket, 4712));
}

TEST(ProbeLaneTest, OneVisitorTakesAnOfferAndOnlyBeforeItIsWithdrawn) {
  SharedMemory stats;
  shared::ProbeLane& lane = stats->probes.lanes[0];
  EXPECT_TRUE(lane.Withdraw()) << "nothing is offered";
  lane.Offer(1, 10, 3'000);
  EXPECT_FALSE(lane.Take(2, 100));
  EXPECT_TRUE(lane.Take(1, 100));
  EXPECT_FALSE(lane.Take(1, 101));
  EXPECT_FALSE(lane.Withdraw());
  lane.Leave(1, 101);
  EXPECT_FALSE(lane.Withdraw());
  lane.Leave(1, 100);
  EXPECT_TRUE(lane.Withdraw());
  lane.Offer(2, 10, 3'000);
  EXPECT_TRUE(lane.Withdraw());
  EXPECT_FALSE(lane.Take(2, 100));
}

}  // namespace
}  // namespace pg_hello::probing
