// What a database's functions did, from the server's own counters: two readings and their
// difference. Nothing is ever reset for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ctl/log_time.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

// Of one function; times in milliseconds. Counters only grow, until they are reset.
struct CounterReading {
  std::string extension = {};  // empty: of none
  std::string since = {};      // when they began, as the server writes it; only to compare
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::int64_t timed_calls = 0;
  double sum_ms = 0;
  double max_ms = 0;
  std::vector<std::int64_t> buckets = {};  // calls by duration; bounds: ReadBucketBounds()
};

struct Reading {
  UnixMs taken = 0;  // by the server's clock
  std::string database = {};
  std::string server_version = {};
  std::string library_version = {};
  std::map<std::string, CounterReading> functions = {};  // by schema and signature
};

// What one function did between two readings.
struct Work {
  std::string function = {};
  std::string extension = {};
  std::int64_t calls = 0;
  std::int64_t errors = 0;
  std::int64_t timed_calls = 0;
  double sum_ms = 0;
  double max_ms = 0;        // since the counters began: an upper bound of the work's own
  bool began_anew = false;  // the counters were reset in between: this is the work since then
  std::vector<std::int64_t> buckets = {};
  std::optional<double> p50_ms = {}, p90_ms = {}, p95_ms = {}, p99_ms = {};  // none: nothing timed
};

// The counters of the session's database. `schema`: the extension's.
std::variant<Reading, SqlError> ReadCounters(Session& session, const std::string& schema);

// Only functions that were called, the most called one first.
std::vector<Work> Difference(const Reading& before, const Reading& after);

// Lets the server interpolate the percentiles of all these.
std::optional<SqlError> AddPercentiles(Session& session, const std::string& schema,
                                       std::vector<Work>& works);

// The upper bound of each bucket in milliseconds; of the last one infinity.
std::variant<std::vector<double>, SqlError> ReadBucketBounds(Session& session,
                                                             const std::string& schema);

// Whether it is one of the extension's own functions that read statistics, which who looks calls.
bool IsReader(const std::string& function, const std::string& extension);

// Elements of a text that PostgreSQL writes for an array of numbers.
std::vector<std::int64_t> ParseArray(const std::string& text);
std::string WriteArray(const std::vector<std::int64_t>& numbers);

}  // namespace pg_hello::ctl
