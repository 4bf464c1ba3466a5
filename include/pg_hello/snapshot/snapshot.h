// A picture of all counters, taken at one moment and then left alone: /metrics, /health, JSON and
// the SQL functions are all rendered from this one type, so they cannot disagree.
//
// Values are those of one reading of shared memory; the reader takes no lock and stops nobody. A
// call that ends while the picture is taken is in it wholly or, for the few nanoseconds between
// two of its stores, in part.
#ifndef PG_HELLO_SNAPSHOT_SNAPSHOT_H
#define PG_HELLO_SNAPSHOT_SNAPSHOT_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/shared/function_identity.h"
#include "pg_hello/shared/probe_board.h"
#include "pg_hello/shared/slo_board.h"
#include "pg_hello/shared/worker_status.h"

namespace pg_hello::shared {
class SharedStats;
}

namespace pg_hello::snapshot {

// Timed calls by duration, one count for each stored bucket; see measure/latency_buckets.h. A
// function's calls lie in few of them, so only a range that has them all is kept, and a snapshot of
// ten thousand functions takes a third of the memory and of the time.
class Buckets {
 public:
  static constexpr std::size_t size() { return measure::kBucketCount; }

  // All others are 0.
  std::span<const std::uint64_t> counts() const { return counts_; }
  std::size_t first() const { return first_; }
  std::size_t end() const { return first_ + counts_.size(); }

  std::uint64_t operator[](std::size_t bucket) const {
    return bucket - first_ < counts_.size() ? counts_[bucket - first_] : 0;
  }
  // The bucket becomes one of those that are kept. May throw std::bad_alloc.
  std::uint64_t& operator[](std::size_t bucket) { return Widen(bucket, bucket + 1).front(); }

  // Keeps those in [first, end) as well, and returns them; good until the next call.
  // REQUIRES: first < end <= size(). May throw std::bad_alloc.
  std::span<std::uint64_t> Widen(std::size_t first, std::size_t end);

  // All are 0; memory is kept.
  void Clear() { counts_.clear(); }

  friend bool operator==(const Buckets& a, const Buckets& b);

 private:
  std::size_t first_ = 0;
  std::vector<std::uint64_t> counts_;
};

// Errors raised while the function was the innermost tracked one, by SQLSTATE class.
struct ErrorOrigin {
  char sqlstate_class[3];  // two characters and a NUL
  std::uint64_t count;
};

// What is counted of a function. Durations are nanoseconds of wall time.
struct FunctionCounts {
  std::uint64_t calls;         // finished calls, failed ones included: timed + untimed
  std::uint64_t errors;        // calls that ended in an error, passed-on ones and cancels included
  std::uint64_t canceled;      // calls ended by cancel or timeout (SQLSTATE 57014)
  std::uint64_t inclusive_ns;  // callees included; of recursive activations only the outermost
  std::uint64_t self_ns;       // tracked callees excluded
  std::uint64_t duration_ns;   // sum of the durations of all timed calls: the histogram's _sum
  double sum_squares_ns2;      // sum of the squares of the same durations
  std::uint64_t min_ns;        // 0 if no call was timed
  std::uint64_t max_ns;
  std::uint64_t iterations;  // entries of set-returning functions
  std::uint64_t untimed;     // calls too deep in the stack to be timed
  std::uint64_t active;      // activations running now

  // Timed calls: the sum of the buckets, and so the histogram's _count.
  std::uint64_t TimedCalls() const { return calls - untimed; }
};

// Which names were read: of which row, since when that is its function's, of which version. A
// first_epoch of 0: of none.
struct NamesSource {
  std::uint32_t row;
  std::uint32_t first_epoch;
  std::uint32_t version;

  friend bool operator==(const NamesSource&, const NamesSource&) = default;
};

// One function's counters since `stats_since_us`. Aligned, so that what is not its names, and is
// gone through for each snapshot, lies in three cache lines.
struct alignas(64) FunctionStats : FunctionCounts {
  shared::FunctionKey key;
  std::uint32_t database;       // index into Snapshot::databases
  std::int64_t stats_since_us;  // microseconds since the Unix epoch
  Buckets buckets;
  std::vector<ErrorOrigin> error_origins;
  NamesSource source;  // for the next snapshot
  shared::FunctionIdentity identity;
};

// A call that runs now. Of each backend, the outermost 64 calls are known.
struct ActiveCall {
  std::uint32_t function;  // index into Snapshot::functions
  std::uint32_t pid;
  std::uint32_t depth;         // 1: called by no tracked or otherwise hooked function
  std::int64_t started_at_us;  // microseconds since the Unix epoch
};

// Calls of a function by one role, of the sessions that count by role.
struct RoleCalls {
  std::uint32_t role;      // oid
  std::uint32_t function;  // index into Snapshot::functions
  std::uint64_t calls;
};

struct DatabaseStats {
  std::uint32_t dbid;
  std::string datname;                 // valid UTF-8, unique in a snapshot
  std::uint64_t overflow_calls;        // calls not counted because the table was full
  std::string extension_version = {};  // of the SQL objects; empty if there are none, or not known
};

// What the probes of a database have come to, in the order of shared::ProbeKind.
struct ProbedDatabase {
  std::uint32_t dbid;
  std::string datname;      // valid UTF-8, unique in a snapshot; that of `databases` if it is there
  std::int64_t visited_us;  // the end of the last visit; microseconds since the Unix epoch
  std::array<shared::ProbeResult, shared::kProbeKinds> results;
};

struct ProbeRounds {
  std::int64_t interval_ms;    // 0: no probes
  std::int64_t enabled_us;     // since when there are
  std::int64_t last_round_us;  // the end of the last complete round, 0: there was none
  bool lacks_slot;             // the last round was given up because no worker slot was free
  std::array<std::uint64_t, shared::kNotProbedReasons.size()> not_probed;  // visits
};

struct HttpRequestCount {
  const char* path;  // one of shared::kHttpPaths
  const char* code;  // one of shared::kHttpCodes
  std::uint64_t count;
};

struct WorkerStats {
  std::uint32_t pid;
  std::uint32_t starts;
  std::int64_t started_at_us;
  std::int64_t heartbeat_at_us;
  std::uint64_t longest_turn_ns;
  std::uint32_t port;
  bool listening;
  std::uint64_t bind_failures;
  std::uint32_t connections;
  std::uint32_t requests_in_flight;
  std::uint64_t scrapes;
  std::uint64_t scrape_duration_ns;
  std::uint64_t scrape_series;
  std::string listen_addresses;
  std::string listen_error;
  std::vector<HttpRequestCount> http_requests;  // every path and code that was answered
  std::uint64_t connections_refused;
  std::int64_t refused_at_us;              // 0: none was
  std::int64_t certificate_expires_at_us;  // 0: there is none
};

// What the server says of itself at that moment; filled in by the shell.
struct ServerState {
  std::string library_version;    // pg_hello's
  std::string postgres_version;   // "15.20 (Debian ...)"
  std::string postmaster_status;  // "starting", "ready", "standby", "stopping"; of postmaster.pid
  bool in_recovery = false;
};

struct Snapshot {
  std::int64_t taken_at_us;
  std::int64_t stats_reset_us;    // last reset of everything
  std::uint32_t functions_limit;  // rows in the shared table
  std::uint32_t functions_used;   // of them; also where `functions` was left out
  std::uint64_t shared_memory_bytes;
  std::uint64_t stack_resyncs;           // call stack repaired after a missed event
  std::uint64_t clock_anomalies;         // negative durations counted as zero
  std::uint64_t internal_errors;         // of the library's own inside queries of others
  const char* clock_source;              // "tsc" or "monotonic"
  std::vector<FunctionStats> functions;  // first come, first
  // The same in two snapshots of a process only if they have the same functions in the same order,
  // with the same names, databases' names and times since when they count. 0: not known.
  std::uint64_t series_version;
  std::vector<DatabaseStats> databases;
  std::vector<ActiveCall> active_calls;  // by backend, outermost first
  std::vector<RoleCalls> role_calls;
  std::uint64_t role_calls_overflow;    // calls by role that found no place
  std::vector<shared::SloRecord> slos;  // as the worker has counted them last
  WorkerStats worker;
  ServerState server;
  std::vector<ProbedDatabase> probed_databases;
  ProbeRounds probe_rounds;

  std::uint64_t OverflowCalls() const;
  // When the call that has run longest began, microseconds since the Unix epoch; 0 if none runs.
  std::int64_t OldestActiveCallUs() const;
};

// What of each function is taken. Buckets are read in any case, for calls are their sum; to keep
// them takes a sixth of the time.
enum class Detail { kWithoutBuckets, kEverything };

// Any process that has shared memory mapped may call it at any time, also several at once. Throws
// std::bad_alloc only; takes about 1 ms per 1,000 functions.
Snapshot Take(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server);

// The same into an earlier snapshot of the same block, or an empty one: its memory is used again,
// and names are read only where they have changed, which takes half the time. Without buckets, each
// function's `buckets` are empty. If it throws, the snapshot is good for nothing but its
// destructor.
void TakeInto(Snapshot& snapshot, shared::SharedStats& stats, std::int64_t now_us,
              const ServerState& server, Detail detail = Detail::kEverything);

// The same without functions and active calls: takes no time worth mentioning.
Snapshot TakeSummary(shared::SharedStats& stats, std::int64_t now_us, const ServerState& server);

// The q-quantile (0 <= q <= 1) of the timed calls in nanoseconds, linearly interpolated inside the
// bucket in which it falls and never outside [min, max]. The true quantile lies in the same bucket,
// so the relative error is at most 2^(1/8) - 1 = 9.1 % for durations from 0.95 us to 128 s.
// Returns a negative number if there are no timed calls.
double Percentile(const FunctionStats& stats, double q);

// Mean and population standard deviation of the timed calls' durations in nanoseconds, 0 if there
// are none.
double MeanNs(const FunctionStats& stats);
double StddevNs(const FunctionStats& stats);

}  // namespace pg_hello::snapshot

#endif  // PG_HELLO_SNAPSHOT_SNAPSHOT_H
