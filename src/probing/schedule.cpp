// One step at a time: each call of Next() ends with at most one action, so that nothing of C++ is
// open while the worker carries it out.
#include "pg_hello/probing/schedule.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "pg_hello/probing/rows.h"

namespace pg_hello::probing {

namespace {

using shared::NotProbed;
using shared::ProbeTarget;
using shared::VisitEnd;
using shared::VisitReport;

constexpr char kNoSlot[] = "no free background worker slot";

// The visitor does not even end: whatever it was doing has failed.
void BlameProbe(VisitReport& report, std::uint32_t timeout_ms) {
  bool reached = false;
  for (std::size_t i = 0; i < shared::kProbeKinds; ++i) {
    shared::ProbeOutcome& outcome = report.outcomes[i];
    if (i == report.probe) {
      outcome = {shared::ProbeState::kFailed, std::uint64_t{timeout_ms} * 1'000'000, {}};
      std::snprintf(outcome.text, sizeof(outcome.text),
                    "no answer within %u ms, and the process does not end", timeout_ms);
      reached = true;
    } else if (reached) {
      outcome = {shared::ProbeState::kNotRun, 0, "an earlier probe took all the time"};
    }
  }
  report.end = VisitEnd::kDone;
  report.timed_out = true;
}

}  // namespace

Schedule::Schedule(shared::SharedStats& stats) : stats_(stats) {
  for (std::uint32_t i = 0; i < shared::kProbeLanes; ++i) {
    if (!board().lanes[i].Withdraw()) {
      lanes_[i].use = Lane::Use::kForeign;
    }
  }
}

bool Schedule::RoundIsDue(const Now& now, const Config& config) const {
  return config.interval_ms > 0 && round_ == Round::kNone &&
         (now.ms >= next_round_ms_ || config.interval_ms != interval_ms_);
}

bool Schedule::Next(const Now& now, const Config& config, bool server_is_open, Action* action) {
  SetInterval(now, config);
  WatchForeignLanes(now, config);
  if (StopOverdue(now, action)) {
    return true;
  }
  if (RoundIsDue(now, config)) {
    if (!server_is_open) {
      next_round_ms_ = now.ms + kNotOpenRetryMs;
      return false;
    }
    round_ = Round::kToList;
    round_began_ms_ = now.ms;
    ++rounds_;
  }
  if (round_ == Round::kToList || round_ == Round::kVisiting) {
    if (now.ms >= try_again_ms_ && StartVisit(now, config, action)) {
      return true;
    }
    if (round_ == Round::kVisiting && pending_.empty() && VisitsAreDone()) {
      EndRound(now, true);
    }
  }
  return false;
}

// A changed interval counts from now on. Without probes, nothing is known of any database.
void Schedule::SetInterval(const Now& now, const Config& config) {
  if (config.interval_ms == interval_ms_) {
    return;
  }
  board().interval_ms.store(config.interval_ms, std::memory_order_relaxed);
  if (interval_ms_ <= 0) {
    board().enabled_us.store(now.us, std::memory_order_relaxed);
  }
  interval_ms_ = config.interval_ms;
  next_round_ms_ = now.ms;
  if (interval_ms_ == 0) {
    round_ = Round::kNone;
    pending_.clear();
    known_.clear();
    slow_.clear();
    gone_.clear();
    KeepRows(board(), {});
    board().last_round_us.store(0, std::memory_order_relaxed);
    board().lacks_slot.store(0, std::memory_order_relaxed);
  }
}

void Schedule::WatchForeignLanes(const Now& now, const Config& config) {
  for (std::uint32_t i = 0; i < shared::kProbeLanes; ++i) {
    Lane& lane = lanes_[i];
    if (lane.use != Lane::Use::kForeign) {
      continue;
    }
    if (board().lanes[i].Withdraw()) {
      lane = Lane{};
    } else if (lane.deadline_ms == 0) {
      lane.deadline_ms = now.ms + config.timeout_ms + kOverdueMs;
    } else if (now.ms >= lane.deadline_ms) {
      lane.overdue = true;
    }
  }
}

bool Schedule::StopOverdue(const Now& now, Action* action) {
  for (std::uint32_t i = 0; i < shared::kProbeLanes; ++i) {
    Lane& lane = lanes_[i];
    const bool ours = lane.use == Lane::Use::kListing || lane.use == Lane::Use::kVisiting;
    if (!ours || lane.overdue || now.ms < lane.deadline_ms) {
      continue;
    }
    lane.overdue = true;
    if (lane.use == Lane::Use::kListing) {
      board().Count(NotProbed::kInterrupted);
      EndRound(now, false);
    } else if (board().lanes[i].Withdraw()) {
      board().Count(NotProbed::kInterrupted);  // the visitor never came
    } else if (interval_ms_ > 0) {
      VisitReport report{};
      board().lanes[i].report.ReadInto(report);
      BlameProbe(report, board().lanes[i].timeout_ms.load(std::memory_order_relaxed));
      TakeReport(lane.target, report, now);
    }
    *action = {Action::Kind::kStop, i, 0, 0};
    return true;
  }
  return false;
}

bool Schedule::StartVisit(const Now& now, const Config& config, Action* action) {
  const std::uint32_t lane = FreeLane();
  if (round_ == Round::kToList) {
    if (lane == shared::kProbeLanes || IsBeingListed()) {
      return false;
    }
    Offer(lane, ProbeTarget{}, now, config, action);
    round_ = Round::kListing;
    return true;
  }
  while (!pending_.empty()) {
    const ProbeTarget target = pending_.front();
    if (IsBeingVisited(target.dbid)) {
      board().Count(NotProbed::kStillRunning);
      pending_.pop_front();
      continue;
    }
    if (lane == shared::kProbeLanes) {
      break;
    }
    pending_.pop_front();
    Offer(lane, target, now, config, action);
    return true;
  }
  // All lanes are held by visitors that do not end: the round is not held up by them.
  if (!pending_.empty() && VisitsAreDone()) {
    for (const ProbeTarget& target : pending_) {
      board().Count(NotProbed::kStillRunning);
      PutNotRun(board(), target.dbid, "the processes of other probes do not end", now.us);
    }
    pending_.clear();
  }
  return false;
}

void Schedule::Offer(std::uint32_t lane, const ProbeTarget& target, const Now& now,
                     const Config& config, Action* action) {
  const std::uint32_t ticket = board().tickets.fetch_add(1, std::memory_order_relaxed) + 1;
  lanes_[lane] = {target.dbid == 0 ? Lane::Use::kListing : Lane::Use::kVisiting, false,
                  now.ms + config.timeout_ms + kOverdueMs, target};
  board().lanes[lane].Offer(ticket, target.dbid, config.timeout_ms);
  *action = {Action::Kind::kStart, lane, ticket, target.dbid};
}

void Schedule::Started(const Action& action, bool started, const Now& now) {
  if (started) {
    return;
  }
  const Lane lane = std::exchange(lanes_[action.lane], Lane{});
  board().lanes[action.lane].Withdraw();
  if (lane.use == Lane::Use::kListing) {
    round_ = Round::kToList;
  } else {
    pending_.push_front(lane.target);
  }
  try_again_ms_ = now.ms + kSlotRetryMs;
  // With one slot, visits are made in turn.
  if (VisitsAreDone() && now.ms - round_began_ms_ >= std::max(interval_ms_, kSlotRetryMs)) {
    GiveUpForLackOfSlots(now);
  }
}

// What was known of them is not known any more, and it is not their fault.
void Schedule::GiveUpForLackOfSlots(const Now& now) {
  if (round_ == Round::kToList) {  // none was visited; at least those with a row would have been
    board().Count(NotProbed::kNoWorkerSlot);
    const std::uint32_t end = board().rows_end.load(std::memory_order_relaxed);
    for (std::uint32_t number = 0; number < end; ++number) {
      shared::ProbedDatabase row{};
      if (board().rows[number].ReadInto(row) && row.dbid != 0) {
        PutNotRun(board(), row.dbid, kNoSlot, now.us);
      }
    }
  }
  for (const ProbeTarget& target : pending_) {
    board().Count(NotProbed::kNoWorkerSlot);
    PutNotRun(board(), target.dbid, kNoSlot, now.us);
  }
  if (board().lacks_slot.exchange(1, std::memory_order_relaxed) == 0) {
    announcements_.push_back(
        {std::string("databases are not probed: ") + kNoSlot, true,
         "Increase \"max_worker_processes\", or set \"pg_hello.probe_interval\" to 0."});
  }
  EndRound(now, false);
}

void Schedule::EndRound(const Now& now, bool complete) {
  if (complete) {
    board().last_round_us.store(now.us, std::memory_order_relaxed);
    if (board().lacks_slot.exchange(0, std::memory_order_relaxed) != 0) {
      announcements_.push_back({"databases are probed again", false});
    }
  }
  pending_.clear();
  round_ = Round::kNone;
  next_round_ms_ = std::max(now.ms, round_began_ms_ + interval_ms_);
}

void Schedule::Ended(std::uint32_t number, const Now& now) {
  const Lane lane = std::exchange(lanes_[number], Lane{});
  board().lanes[number].Withdraw();
  try_again_ms_ = now.ms;  // its slot is free
  if (lane.overdue || interval_ms_ == 0) {
    return;  // judged already, or not wanted any more
  }
  VisitReport report{};
  board().lanes[number].report.ReadInto(report);
  if (lane.use == Lane::Use::kVisiting) {
    TakeReport(lane.target, report, now);
  } else if (lane.use == Lane::Use::kListing && report.end == VisitEnd::kDone) {
    TakeTargets();
    round_ = Round::kVisiting;
  } else if (lane.use == Lane::Use::kListing) {
    board().Count(NotProbed::kInterrupted);
    EndRound(now, false);
  }
}

void Schedule::TakeTargets() {
  std::unordered_set<std::uint32_t> there;
  std::deque<ProbeTarget> prompt;
  std::deque<ProbeTarget> slow;
  for (std::uint32_t i = 0; i < board().target_count; ++i) {
    const ProbeTarget& target = board().targets[i];
    there.insert(target.dbid);
    if (IsDue(target)) {
      (slow_.contains(target.dbid) ? slow : prompt).push_back(target);
    }
  }
  board().not_probed[static_cast<std::size_t>(NotProbed::kNoPlace)].fetch_add(
      board().targets_left_out, std::memory_order_relaxed);
  const auto is_gone = [&there](std::uint32_t dbid) { return !there.contains(dbid); };
  std::erase_if(known_, is_gone);
  std::erase_if(slow_, is_gone);
  std::erase_if(gone_, is_gone);
  KeepRows(board(), there);
  prompt.insert(prompt.end(), slow.begin(), slow.end());
  pending_ = std::move(prompt);
}

bool Schedule::IsDue(const ProbeTarget& target) const {
  if (target.named || !known_.contains(target.dbid) || gone_.contains(target.dbid) ||
      HasRow(board(), target.dbid)) {
    return true;
  }
  for (std::uint32_t i = 1; i < stats_.databases_end(); ++i) {
    const shared::DatabaseRow& row = stats_.database(i);
    if (row.dbid.load(std::memory_order_relaxed) == target.dbid) {
      const auto version = row.extension_version.Read();
      if (version && version->version[0] != '\0') {
        return true;
      }
    }
  }
  return (rounds_ + target.dbid) % kLookAgainRounds == 0;
}

std::uint32_t Schedule::FreeLane() const {
  return static_cast<std::uint32_t>(
      std::find_if(lanes_.begin(), lanes_.end(),
                   [](const Lane& lane) { return lane.use == Lane::Use::kFree; }) -
      lanes_.begin());
}

bool Schedule::IsBeingVisited(std::uint32_t dbid) const {
  return std::any_of(lanes_.begin(), lanes_.end(), [dbid](const Lane& lane) {
    return lane.use == Lane::Use::kVisiting && lane.target.dbid == dbid;
  });
}

// Also if a lister of before the worker's last start is at work.
bool Schedule::IsBeingListed() const {
  for (std::uint32_t i = 0; i < shared::kProbeLanes; ++i) {
    if (lanes_[i].use == Lane::Use::kListing ||
        (lanes_[i].use == Lane::Use::kForeign &&
         board().lanes[i].dbid.load(std::memory_order_relaxed) == 0)) {
      return true;
    }
  }
  return false;
}

// Visitors that do not end are not waited for.
bool Schedule::VisitsAreDone() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.use == Lane::Use::kFree || lane.overdue; });
}

void Schedule::TakeReport(const ProbeTarget& target, VisitReport report, const Now& now) {
  known_.insert(target.dbid);
  report.timed_out ? void(slow_.insert(target.dbid)) : void(slow_.erase(target.dbid));
  switch (report.end) {
    case VisitEnd::kDone:
      gone_.erase(target.dbid);
      return Put(target, report, now);
    case VisitEnd::kGone:
      // Dropped since it was listed; but one that is listed and not there twice is broken.
      return gone_.insert(target.dbid).second ? void() : Put(target, report, now);
    case VisitEnd::kBusy:
      return board().Count(NotProbed::kDatabaseBusy);
    case VisitEnd::kInterrupted:
    case VisitEnd::kUnderWay:
      return board().Count(NotProbed::kInterrupted);
  }
}

void Schedule::Put(const ProbeTarget& target, const VisitReport& report, const Now& now) {
  if (report.no_extension && !target.named) {
    return RemoveRow(board(), target.dbid);
  }
  std::optional<Announcement> announcement;
  if (!PutReport(board(), target, report, now.us, &announcement)) {
    board().Count(NotProbed::kNoPlace);
    known_.erase(target.dbid);
  }
  if (announcement) {
    announcements_.push_back(std::move(*announcement));
  }
}

std::int64_t Schedule::TimeoutMs(const Now& now, const Config& config,
                                 std::int64_t at_most_ms) const {
  std::int64_t timeout_ms = at_most_ms;
  const auto until = [&](std::int64_t then_ms) {
    timeout_ms = std::min(timeout_ms, std::max(then_ms - now.ms, std::int64_t{0}));
  };
  if (config.interval_ms > 0 && round_ == Round::kNone) {
    until(next_round_ms_);
  }
  for (const Lane& lane : lanes_) {
    if (!lane.overdue && (lane.use == Lane::Use::kListing || lane.use == Lane::Use::kVisiting)) {
      until(lane.deadline_ms);
    }
  }
  return timeout_ms;
}

bool Schedule::NextAnnouncement(Announcement* announcement) {
  if (announcements_.empty()) {
    return false;
  }
  *announcement = std::move(announcements_.front());
  announcements_.pop_front();
  return true;
}

}  // namespace pg_hello::probing
