// Counts the events of the objectives: looks at the functions' counters every few seconds, and adds
// to each objective what they have grown by. So an objective's totals never go backwards and never
// jump: not when a function is dropped, reset or renamed, nor when the table is full.
//
// An event is a call that has ended; it is bad if it ended in an error, unless it was canceled, or
// if it took longer than the objective's threshold. A call that both failed and was too slow is
// taken for two bad ones, as far as there are as many events: the counters do not tell that it was
// one.
//
// Not seen: what is called between the last look and a function's drop or reset, what is called
// while there is no worker, and calls that the full table had no place for.
#ifndef PG_HELLO_OBJECTIVES_TALLY_H
#define PG_HELLO_OBJECTIVES_TALLY_H

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "pg_hello/objectives/slo_setting.h"
#include "pg_hello/shared/function_identity.h"
#include "pg_hello/shared/slo_board.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::objectives {

// Not thread-safe. Memory: some 100 bytes for each function, and 16 for each objective that it has.
class Tally {
 public:
  // Goes on with what `state`, which must outlive it, has of a tally before. REQUIRES: no other
  // tally writes there.
  explicit Tally(shared::SloState& state);

  // Counts these from the next look on. One of the same name, functions and threshold as before
  // keeps its totals; others begin at `now_us`, microseconds since the Unix epoch. At most kMaxSlos
  // are taken. May throw std::bad_alloc; nothing has changed then.
  void SetSlos(std::vector<Slo> slos, std::int64_t now_us);

  // A look at the functions at `now_ms`, milliseconds of a monotonic clock. The first one counts
  // nothing, it only takes note. May throw std::bad_alloc; what was not counted then is counted by
  // the next look.
  void Look(const snapshot::Snapshot& snapshot, std::int64_t now_ms);

 private:
  // An objective that a function has.
  struct Membership {
    std::uint32_t slo;
    std::uint64_t slow;  // calls beyond its threshold at the last look
  };
  // A function as it was at the last look.
  struct Seen {
    std::int64_t since_us;
    std::uint64_t calls;
    std::uint64_t failed;
    std::size_t name_hash;  // 0: not known which objectives it has
    std::uint64_t look;
    std::vector<Membership> memberships;
  };
  struct KeyHash {
    std::size_t operator()(const shared::FunctionKey& key) const;
  };

  void LookAt(const snapshot::Snapshot& snapshot, const snapshot::FunctionStats& function);
  std::vector<Membership> Join(const snapshot::Snapshot& snapshot,
                               const snapshot::FunctionStats& function) const;
  void CountGrowth(const snapshot::FunctionStats& function, Seen& seen);

  shared::SloState& state_;
  shared::SloBoard board_;
  std::vector<Slo> slos_;
  std::unordered_map<shared::FunctionKey, Seen, KeyHash> seen_;
  std::uint64_t looks_ = 0;
  bool took_note_ = false;  // a first look was taken
};

}  // namespace pg_hello::objectives

#endif  // PG_HELLO_OBJECTIVES_TALLY_H
