// When which database is visited, and what a visit's report does to the database's row. The worker
// asks what to do next and does it; nothing here starts a process, waits, or raises an error.
//
// A round begins every pg_hello.probe_interval: the databases are listed, then visited one after
// another in two lanes. Who did not answer in the last round comes last in the next one. A database
// that is not asked for by name and does not have the extension is visited when it is first seen,
// when a session has made the extension in it, and else in one round of twenty.
#ifndef PG_HELLO_PROBING_SCHEDULE_H
#define PG_HELLO_PROBING_SCHEDULE_H

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_set>

#include "pg_hello/probing/rows.h"
#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::probing {

// Visitors end by themselves half a second after their timeout. Those that have not done so by now,
// from when they were offered on, are overdue; a busy machine takes its time to start them.
inline constexpr std::int64_t kOverdueMs = 5'000;
// How long a visit that found no worker slot waits until it is tried again.
inline constexpr std::int64_t kSlotRetryMs = 1'000;
// How often is asked whether the server accepts connections, until it does.
inline constexpr std::int64_t kNotOpenRetryMs = 500;
inline constexpr std::uint32_t kLookAgainRounds = 20;

struct Config {
  std::int64_t interval_ms;  // 0: no probes
  std::uint32_t timeout_ms;
};

struct Now {
  std::int64_t ms;  // monotonic
  std::int64_t us;  // since the Unix epoch
};

struct Action {
  enum class Kind : std::uint8_t { kStart, kStop } kind;
  std::uint32_t lane;
  std::uint32_t ticket;  // of what is started
  std::uint32_t dbid;    // 0: to list the databases
};

// All members: one process, the worker; they may throw std::bad_alloc, after which the schedule is
// good for further calls.
class Schedule {
 public:
  // Takes over from a worker that has ended: visits that are still under way are let end.
  explicit Schedule(shared::SharedStats& stats);

  // Whether a round would begin, so that asking whether the server is ready is worth it.
  bool RoundIsDue(const Now& now, const Config& config) const;

  // What to do next; false if nothing is due. After kStart, Started() must follow.
  bool Next(const Now& now, const Config& config, bool server_is_open, Action* action);
  // `started` is false if there was no worker slot.
  void Started(const Action& action, bool started, const Now& now);
  // The process that was started in this lane has ended.
  void Ended(std::uint32_t lane, const Now& now);

  // Until Next() has something to do by itself, at most `at_most_ms`.
  std::int64_t TimeoutMs(const Now& now, const Config& config, std::int64_t at_most_ms) const;

  // False if there is nothing to tell.
  bool NextAnnouncement(Announcement* announcement);

 private:
  struct Lane {
    enum class Use : std::uint8_t { kFree, kForeign, kListing, kVisiting } use = Use::kFree;
    bool overdue = false;
    std::int64_t deadline_ms = 0;
    shared::ProbeTarget target = {};
  };

  enum class Round : std::uint8_t { kNone, kToList, kListing, kVisiting };

  shared::ProbeBoard& board() const { return stats_.probes; }
  void SetInterval(const Now& now, const Config& config);
  void WatchForeignLanes(const Now& now, const Config& config);
  bool StopOverdue(const Now& now, Action* action);
  bool StartVisit(const Now& now, const Config& config, Action* action);
  void Offer(std::uint32_t lane, const shared::ProbeTarget& target, const Now& now,
             const Config& config, Action* action);
  std::uint32_t FreeLane() const;
  void EndRound(const Now& now, bool complete);
  void GiveUpForLackOfSlots(const Now& now);
  void TakeTargets();
  bool IsDue(const shared::ProbeTarget& target) const;
  bool IsBeingVisited(std::uint32_t dbid) const;
  bool IsBeingListed() const;
  bool VisitsAreDone() const;
  void TakeReport(const shared::ProbeTarget& target, shared::VisitReport report, const Now& now);
  void Put(const shared::ProbeTarget& target, const shared::VisitReport& report, const Now& now);

  shared::SharedStats& stats_;
  std::array<Lane, shared::kProbeLanes> lanes_;
  Round round_ = Round::kNone;
  std::uint32_t rounds_ = 0;
  std::int64_t round_began_ms_ = 0;
  std::int64_t next_round_ms_ = 0;
  std::int64_t interval_ms_ = -1;  // none yet: also what another worker left is seen to
  std::int64_t try_again_ms_ = 0;
  std::deque<shared::ProbeTarget> pending_;
  std::unordered_set<std::uint32_t> known_;  // databases that were visited before
  std::unordered_set<std::uint32_t> slow_;   // of them, those that did not answer in time
  std::unordered_set<std::uint32_t> gone_;   // those that were not there though they were listed
  std::deque<Announcement> announcements_;
};

}  // namespace pg_hello::probing

#endif  // PG_HELLO_PROBING_SCHEDULE_H
