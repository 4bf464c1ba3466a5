// Everything that pg_hello keeps in shared memory, in one block of fixed size, without a pointer or
// any other value that means something in one process only.
//
//   header | database rows | function index | function rows | backend slots
//
// Who writes what, under which protection:
//   function index, rows made or removed, identities   the table lock (an LWLock in the server)
//   row counters, calls by role                        anybody, atomic additions
//   a backend slot                                     the backend that holds it
//   worker status, objectives                          the background worker
//   probes                                             the background worker and its visitors
// Readers take no lock. Functions marked REQUIRES leave locking to their caller, because the lock
// is PostgreSQL's and this room does not know PostgreSQL.
#ifndef PG_HELLO_SHARED_SHARED_STATS_H
#define PG_HELLO_SHARED_SHARED_STATS_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pg_hello/measure/tick_clock.h"
#include "pg_hello/shared/backend_slot.h"
#include "pg_hello/shared/function_identity.h"
#include "pg_hello/shared/function_row.h"
#include "pg_hello/shared/probe_board.h"
#include "pg_hello/shared/published.h"
#include "pg_hello/shared/role_calls.h"
#include "pg_hello/shared/slo_board.h"
#include "pg_hello/shared/worker_status.h"

namespace pg_hello::shared {

struct Dimensions {
  std::uint32_t max_functions;
  std::uint32_t backend_slots;
};

// A database in which functions were called. Number 0 stands for all that found no place.
struct alignas(64) DatabaseRow {
  std::atomic<std::uint32_t> dbid;
  std::atomic<std::uint64_t> overflow_calls;
  // The settings for which functions that nobody has called have been given rows; 0: for none.
  std::atomic<std::uint64_t> early_rows;
  Published<DatabaseName> name;
  Published<ExtensionVersion> extension_version;  // under the table lock, like the name
};

inline constexpr std::uint32_t kMaxDatabases = 1024;

// What a part of the block takes: so many of so many bytes, and what fills its last cache line.
struct MemoryPart {
  const char* name;
  std::uint64_t number;
  std::uint64_t bytes_each;
  std::uint64_t bytes;
};

// A live row, as it was when it was looked at.
struct Arrival {
  std::uint64_t order;
  std::uint32_t row;
  std::uint32_t first_epoch;  // another one since: another function's row since
};

class alignas(64) SharedStats {
 public:
  // Bytes needed. For max_functions F and backend_slots B, and with P = 2 F rounded up to a power
  // of two: sizeof(SharedStats) + 4 P (rounded up to 64) + 2,816 F + 67,136 B.
  static std::size_t SizeFor(const Dimensions& dimensions);
  // The same, part by part, in the order in which they lie.
  static std::array<MemoryPart, 8> PartsOf(const Dimensions& dimensions);

  // Makes the block at `memory` (SizeFor() bytes, aligned to 64, zeroed here). `now_us`:
  // microseconds since the Unix epoch, the time from which everything is counted.
  static SharedStats* Create(void* memory, const Dimensions& dimensions,
                             const measure::TickClock& clock, std::int64_t now_us);

  SharedStats(const SharedStats&) = delete;
  SharedStats& operator=(const SharedStats&) = delete;

  const Dimensions& dimensions() const { return dimensions_; }
  std::size_t size() const { return SizeFor(dimensions_); }

  // The calibrated clock of the given source.
  measure::TickClock clock(measure::ClockSource source) const;
  // What `auto` means on this machine.
  measure::ClockSource best_clock_source() const { return best_clock_source_; }

  // --- function rows -----------------------------------------------------------------------

  FunctionRow& row(std::uint32_t number) { return rows()[number]; }
  std::uint32_t RowNumber(const FunctionRow& row) const;
  // Rows that have ever been used: numbers below this one may be live.
  std::uint32_t rows_end() const { return rows_end_.load(std::memory_order_acquire); }
  std::uint32_t live_rows() const { return live_rows_.load(std::memory_order_relaxed); }
  // The live rows, first come, first. May throw std::bad_alloc.
  std::vector<Arrival> RowsByArrival();
  // Raised when a row becomes free, so that who found the table full knows when to try again.
  std::uint32_t vacancies() const { return vacancies_.load(std::memory_order_relaxed); }

  // REQUIRES: table lock, shared or exclusive. Null if there is none.
  FunctionRow* Find(const FunctionKey& key);
  // Whether the row's names are these. REQUIRES: table lock, shared or exclusive.
  bool HasIdentity(const FunctionRow& row, const FunctionIdentity& identity) const;
  // REQUIRES: table lock, exclusive. The function's row, made if there is none yet, with these
  // names; null if the table is full. Counters are kept when only names have changed.
  FunctionRow* FindOrInsert(const FunctionKey& key, const FunctionIdentity& identity,
                            std::int64_t now_us);
  // REQUIRES: table lock, exclusive. The row's counters are gone, the row is free.
  void Remove(FunctionRow& row);
  // REQUIRES: table lock, exclusive. Counters of one row, or of everything, start again at zero. A
  // row that is reset alone comes after all others from then on; if all are, they keep their order.
  void Reset(FunctionRow& row, std::int64_t now_us);
  void ResetAll(std::int64_t now_us);
  std::int64_t stats_reset_us() const { return stats_reset_us_.load(std::memory_order_relaxed); }
  // For counters that were kept while the server was stopped, and so count since an earlier time.
  // REQUIRES: nobody else has the block yet.
  void RestoreStatsReset(std::int64_t us) { stats_reset_us_.store(us, std::memory_order_relaxed); }

  // --- databases ---------------------------------------------------------------------------

  DatabaseRow& database(std::uint32_t number) { return databases_[number]; }
  std::uint32_t databases_end() const { return databases_end_.load(std::memory_order_acquire); }
  // REQUIRES: table lock, shared or exclusive.
  DatabaseRow* FindDatabase(std::uint32_t dbid);
  // REQUIRES: table lock, exclusive. Never null: number 0 if there is no place left. A name that
  // has changed is taken over.
  DatabaseRow* FindOrInsertDatabase(std::uint32_t dbid, const DatabaseName& name);
  // REQUIRES: table lock, exclusive. Does nothing for a database that has no place.
  void ShowExtensionVersion(std::uint32_t dbid, const ExtensionVersion& version);
  // REQUIRES: table lock, exclusive; no backend is in the database. It and all its functions are
  // gone.
  void RemoveDatabase(std::uint32_t dbid);

  // --- roles -------------------------------------------------------------------------------

  // REQUIRES: table lock, exclusive. Counts one call of a role, and returns where the next ones may
  // be counted; null if there is no place left, or the function is gone.
  RoleCallsPlace* CountRoleCall(const RoleFunction& wanted);

  // --- backends ----------------------------------------------------------------------------

  BackendSlot& slot(std::uint32_t number) { return slots()[number]; }
  // Slots that have ever been held: all others, which are most of them on a server that could have
  // more backends than it has, are as they were made.
  std::uint32_t slots_end() const { return slots_end_.load(std::memory_order_acquire); }
  // The slot, for the backend that begins to write to it.
  BackendSlot& HoldSlot(std::uint32_t number);

  // --- merging and reading -----------------------------------------------------------------
  //
  // Moving pending counters into their row takes several stores; a reader in the middle of them
  // would count a call twice or not at all. So a merge does not begin while somebody reads (it is
  // never urgent), and a reader waits until merges that have begun are done (they take less than a
  // microsecond). Nobody waits for a reader.

  // False if a reader is at work: do not merge now. If true, EndMerge() must follow, with nothing
  // in between that could fail or wait.
  bool TryBeginMerge();
  void EndMerge();

  // Holds merges off while it lives. Waits for those under way, but not for ever: a process that
  // was stopped in the middle of a merge (SIGSTOP) is passed over after about 100 ms.
  class ReadGuard {
   public:
    explicit ReadGuard(SharedStats& stats);
    ~ReadGuard();
    ReadGuard(const ReadGuard&) = delete;
    ReadGuard& operator=(const ReadGuard&) = delete;

   private:
    SharedStats& stats_;
  };

  // --- the collector and the worker about themselves ---------------------------------------

  std::atomic<std::uint64_t> stack_resyncs;           // call stack repaired after a missed event
  std::atomic<std::uint64_t> clock_anomalies;         // negative durations counted as zero
  std::atomic<std::uint64_t> internal_errors;         // of our own, kept from a query if possible
  std::atomic<std::int32_t> internal_error_sqlstate;  // of the last one, as ERRCODE_... has it
  std::atomic<std::uint64_t> internal_errors_told;    // of these, the log knows
  std::atomic<std::uint32_t> full_reported;           // the log has said that the table is full
  std::atomic<std::uint64_t> overflow_loaded;         // overflow calls counted before this start
  WorkerStatus worker;
  RoleCalls role_calls;
  SloState slos;
  ProbeBoard probes;

 private:
  SharedStats() = default;

  template <typename T>
  T* At(std::size_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(this) + offset);
  }
  std::uint32_t index_size() const;
  std::uint32_t* index();
  FunctionRow* rows() { return At<FunctionRow>(rows_offset_); }
  BackendSlot* slots() { return At<BackendSlot>(slots_offset_); }
  std::uint32_t IndexHome(const FunctionKey& key) const;
  void EraseFromIndex(const FunctionKey& key);
  void GiveName(DatabaseRow& named, const DatabaseName& name);
  std::uint32_t VacantDatabase();
  // A merge under way would carry old counts into the new epoch: the guard holds it off.
  void StartOver(FunctionRow& row, std::int64_t now_us, const ReadGuard& no_merges);

  Dimensions dimensions_;
  std::size_t rows_offset_;  // of the first one, from here
  std::size_t slots_offset_;
  measure::TickClock tsc_clock_;
  measure::ClockSource best_clock_source_;
  std::atomic<std::int64_t> stats_reset_us_;
  std::atomic<std::uint32_t> rows_end_;
  std::atomic<std::uint32_t> live_rows_;
  std::atomic<std::uint32_t> vacancies_;
  std::atomic<std::uint32_t> slots_end_;
  std::uint32_t first_free_;  // number + 1 of a removed row, 0: none; protected by the table lock
  std::uint64_t arrivals_;    // the next row's number; protected by the table lock
  std::atomic<std::uint32_t> readers_;
  std::atomic<std::uint32_t> mergers_;
  std::atomic<std::uint32_t> databases_end_;
  DatabaseRow databases_[kMaxDatabases];
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_SHARED_STATS_H
