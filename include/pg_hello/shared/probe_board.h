// Probes of databases, in shared memory and of fixed size: which databases there are, the visits
// that are being made, and what came of them.
//
// A visit is one short-lived process in one database. It makes the probes in the order of
// ProbeKind; each needs those before it, but for the last three, which need only the first three.
//
// Who writes what: the worker offers a visit in a lane and publishes the rows; the visitor writes
// its lane's report, or the targets if it was sent to list the databases. Readers take no lock.
#ifndef PG_HELLO_SHARED_PROBE_BOARD_H
#define PG_HELLO_SHARED_PROBE_BOARD_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pg_hello/shared/function_identity.h"
#include "pg_hello/shared/published.h"

namespace pg_hello::shared {

enum class ProbeKind : std::uint8_t { kConnect, kExtension, kVersion, kGreet, kNowMs, kSpiVersion };

// The values of the label `probe`, by ProbeKind.
inline constexpr std::array<const char*, 6> kProbeNames = {"connect",  "extension", "version",
                                                           "pg_hello", "now_ms",    "spi_version"};
inline constexpr std::size_t kProbeKinds = kProbeNames.size();

enum class ProbeState : std::uint8_t { kNotRun, kPassed, kFailed };

inline constexpr std::size_t kProbeTextBytes = 128;

struct ProbeOutcome {
  ProbeState state;
  std::uint64_t duration_ns;
  char text[kProbeTextBytes];  // why it did not pass; UTF-8, empty if it did
};

enum class VisitEnd : std::uint8_t {
  kUnderWay,     // or the visitor has ended without a word
  kDone,         // every outcome is there
  kGone,         // there is no such database, or it accepts no connections
  kBusy,         // the database is being copied, dropped or renamed
  kInterrupted,  // somebody ended the visitor: an administrator, a shutdown, recovery
};

struct VisitReport {
  VisitEnd end;
  bool no_extension;  // the database does not have it; then that probe has failed
  bool timed_out;
  std::uint8_t probe;  // the one that is being made
  DatabaseName name;   // as the database itself spells it; empty if it was not reached
  std::array<ProbeOutcome, kProbeKinds> outcomes;
};

// Two visits at once: one that hangs does not keep the others waiting.
inline constexpr std::uint32_t kProbeLanes = 2;

struct ProbeLane {
  // The offered visit's ticket in the upper half, and its visitor's process id in the lower one, 0
  // until it has come. 0: nothing is offered and nobody is at work.
  std::atomic<std::uint64_t> holder;
  std::atomic<std::uint32_t> dbid;  // 0: list the databases
  std::atomic<std::uint32_t> timeout_ms;
  Published<VisitReport> report;

  // By the worker, before it has a visitor started.
  void Offer(std::uint32_t ticket, std::uint32_t visited_dbid, std::uint32_t visit_timeout_ms);
  // By the visitor: false if its visit is not wanted any more.
  bool Take(std::uint32_t ticket, std::uint32_t pid);
  // By the visitor, when it ends.
  void Leave(std::uint32_t ticket, std::uint32_t pid);
  // By the worker: no visitor may take the offer any more. False if one is at work.
  bool Withdraw();
};

struct ProbeTarget {
  std::uint32_t dbid;
  bool named;  // pg_hello.probe_databases asks for it; otherwise it is up to the extension
  DatabaseName name;
};

inline constexpr std::uint32_t kMaxProbeTargets = 1024;
inline constexpr std::uint32_t kMaxProbedDatabases = 128;

struct ProbeResult {
  ProbeState state;
  std::uint64_t duration_ns;
  std::int64_t last_success_us;  // microseconds since the Unix epoch, 0: never
  std::int64_t since_us;         // when the state became what it is
  char text[kProbeTextBytes];
};

struct ProbedDatabase {
  std::uint32_t dbid;  // 0: the row is free
  DatabaseName name;
  std::int64_t visited_us;  // the end of the last visit
  std::array<ProbeResult, kProbeKinds> results;
};

// Why a probe that was due was not made; the values of the label `reason`.
enum class NotProbed : std::uint8_t {
  kNoWorkerSlot,
  kStillRunning,
  kDatabaseBusy,
  kInterrupted,
  kNoPlace,
};
inline constexpr std::array<const char*, 5> kNotProbedReasons = {
    "no_worker_slot", "still_running", "database_busy", "interrupted", "no_place"};

struct alignas(64) ProbeBoard {
  // The last ticket that was given; goes on when the worker starts anew.
  std::atomic<std::uint32_t> tickets;
  std::array<ProbeLane, kProbeLanes> lanes;

  // What the last visitor that was sent to list them has found; good when it has ended.
  std::uint32_t target_count;
  std::uint32_t targets_left_out;  // more than kMaxProbeTargets
  std::array<ProbeTarget, kMaxProbeTargets> targets;

  std::array<Published<ProbedDatabase>, kMaxProbedDatabases> rows;
  std::atomic<std::uint32_t> rows_end;  // rows that have ever been used have smaller numbers
  std::array<std::atomic<std::uint64_t>, kNotProbedReasons.size()>
      not_probed;                           // visits, not probes
  std::atomic<std::int64_t> last_round_us;  // end of the last round that was complete; 0: none was
  std::atomic<std::int64_t> interval_ms;    // pg_hello.probe_interval as the worker sees it
  std::atomic<std::int64_t> enabled_us;     // since when it is not 0
  std::atomic<std::uint32_t> lacks_slot;    // 1 while a visit waits for a worker slot

  void Count(NotProbed reason) {
    not_probed[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_PROBE_BOARD_H
