#include "ctl/function_counters.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace pg_hello::ctl {
namespace {

std::int64_t Integer(const std::optional<std::string>& text) {
  return std::strtoll(text.value_or("0").c_str(), nullptr, 10);
}

double Real(const std::optional<std::string>& text) {
  return std::strtod(text.value_or("0").c_str(), nullptr);
}

std::vector<std::int64_t> Subtract(std::vector<std::int64_t> later,
                                   const std::vector<std::int64_t>& earlier) {
  for (std::size_t i = 0; i < later.size() && i < earlier.size(); ++i) {
    later[i] = std::max<std::int64_t>(later[i] - earlier[i], 0);
  }
  return later;
}

}  // namespace

std::variant<Reading, SqlError> ReadCounters(Session& session, const std::string& schema) {
  const auto head = session.Ask(
      "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, current_database(),"
      " current_setting('server_version'), version FROM " +
      schema + ".pg_hello_info()");
  if (const auto* const error = std::get_if<SqlError>(&head)) return *error;
  const auto& first = std::get<Rows>(head).at(0);
  Reading reading{.taken = Integer(first[0]),
                  .database = first[1].value_or(""),
                  .server_version = first[2].value_or(""),
                  .library_version = first[3].value_or("")};
  const auto answer = session.Ask(
      "SELECT concat_ws('.', r.schema, r.function), coalesce(s.extension, ''), r.stats_since,"
      " r.calls, r.errors, r.timed_calls, r.sum_time, r.max_time, r.buckets FROM " +
      schema + ".pg_hello_distribution_rows() r LEFT JOIN " + schema +
      ".pg_hello_stats s USING (dbid, funcid)"
      " WHERE r.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
      " AND r.funcid <> 0");
  if (const auto* const error = std::get_if<SqlError>(&answer)) return *error;
  for (const auto& row : std::get<Rows>(answer)) {
    reading.functions[row[0].value_or("")] = {.extension = row[1].value_or(""),
                                              .since = row[2].value_or(""),
                                              .calls = Integer(row[3]),
                                              .errors = Integer(row[4]),
                                              .timed_calls = Integer(row[5]),
                                              .sum_ms = Real(row[6]),
                                              .max_ms = Real(row[7]),
                                              .buckets = ParseArray(row[8].value_or(""))};
  }
  return reading;
}

std::vector<Work> Difference(const Reading& before, const Reading& after) {
  std::vector<Work> works;
  for (const auto& [name, now] : after.functions) {
    Work work{.function = name,
              .extension = now.extension,
              .calls = now.calls,
              .errors = now.errors,
              .timed_calls = now.timed_calls,
              .sum_ms = now.sum_ms,
              .max_ms = now.max_ms,
              .buckets = now.buckets};
    if (const auto then = before.functions.find(name); then != before.functions.end()) {
      if (then->second.since == now.since) {
        work.calls -= then->second.calls;
        work.errors -= then->second.errors;
        work.timed_calls -= then->second.timed_calls;
        work.sum_ms = std::max(work.sum_ms - then->second.sum_ms, 0.0);
        work.buckets = Subtract(std::move(work.buckets), then->second.buckets);
      } else {
        work.began_anew = true;
      }
    }
    if (work.calls > 0) works.push_back(std::move(work));
  }
  std::stable_sort(works.begin(), works.end(),
                   [](const Work& left, const Work& right) { return left.calls > right.calls; });
  return works;
}

std::optional<SqlError> AddPercentiles(Session& session, const std::string& schema,
                                       std::vector<Work>& works) {
  std::string buckets = "{";
  std::string greatest = "{";
  for (const Work& work : works) {
    if (buckets.size() > 1) {
      buckets += ',';
      greatest += ',';
    }
    buckets += '"' + WriteArray(work.buckets) + '"';
    greatest += std::to_string(work.max_ms);
  }
  const std::string percentile = schema + ".pg_hello_bucket_percentile(w.buckets::bigint[], ";
  std::string columns;
  for (const char* const q : {"0.5", "0.9", "0.95", "0.99"}) {
    if (!columns.empty()) columns += ", ";
    columns += percentile + q + ", NULL, w.greatest)";
  }
  const auto answer = session.Ask("SELECT " + columns +
                                      " FROM unnest($1::text[], $2::float8[]) WITH ORDINALITY"
                                      " AS w(buckets, greatest, number) ORDER BY number",
                                  {buckets + "}", greatest + "}"});
  if (const auto* const error = std::get_if<SqlError>(&answer)) return *error;
  const Rows& rows = std::get<Rows>(answer);
  for (std::size_t i = 0; i < works.size() && i < rows.size(); ++i) {
    std::size_t column = 0;
    for (auto* const value :
         {&works[i].p50_ms, &works[i].p90_ms, &works[i].p95_ms, &works[i].p99_ms}) {
      if (rows[i][column]) *value = Real(rows[i][column]);
      ++column;
    }
  }
  return std::nullopt;
}

std::variant<std::vector<double>, SqlError> ReadBucketBounds(Session& session,
                                                             const std::string& schema) {
  const auto answer =
      session.Ask("SELECT upper_time FROM " + schema + ".pg_hello_bucket_rows() ORDER BY bucket");
  if (const auto* const error = std::get_if<SqlError>(&answer)) return *error;
  std::vector<double> bounds;
  for (const auto& row : std::get<Rows>(answer)) {
    bounds.push_back(row[0] ? Real(row[0]) : std::numeric_limits<double>::infinity());
  }
  return bounds;
}

bool IsReader(const std::string& function, const std::string& extension) {
  return extension == "pg_hello" && function.find(".pg_hello_") != function.npos;
}

std::vector<std::int64_t> ParseArray(const std::string& text) {
  std::vector<std::int64_t> numbers;
  const char* at = text.c_str();
  while (*at != '\0') {
    if ((*at < '0' || *at > '9') && *at != '-') {
      ++at;
      continue;
    }
    char* end = nullptr;
    numbers.push_back(std::strtoll(at, &end, 10));
    at = end == at ? at + 1 : end;
  }
  return numbers;
}

std::string WriteArray(const std::vector<std::int64_t>& numbers) {
  std::string text = "{";
  for (const std::int64_t number : numbers) {
    if (text.size() > 1) text += ',';
    text += std::to_string(number);
  }
  return text + "}";
}

}  // namespace pg_hello::ctl
