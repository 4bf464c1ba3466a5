// Distributions in SQL: the counts in the stored buckets, their bounds, and quantiles of them. What
// is made of these for people is made in SQL.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "pg/guarded.h"
#include "pg/owned_snapshot.h"
#include "pg/pg.h"
#include "pg/result_row.h"
#include "pg_hello/measure/latency_buckets.h"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace pg_hello::pg {

namespace {

using snapshot::FunctionStats;

constexpr double kNsPerMs = 1e6;

// The upper bound of a stored bucket in nanoseconds.
double UpperBoundNs(std::size_t bucket) {
  return bucket < measure::kBoundCount ? static_cast<double>(measure::kUpperBoundsNs[bucket])
                                       : std::numeric_limits<double>::infinity();
}

// The least decimal bound that is not below a stored bucket.
double DecimalUpperBoundNs(std::size_t bucket) {
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    if (bucket <= measure::kClassicBucketEnd[i]) {
      return static_cast<double>(measure::kClassicBounds[i].ns);
    }
  }
  return std::numeric_limits<double>::infinity();
}

Datum BucketArray(const snapshot::Buckets& buckets) {
  Datum counts[measure::kBucketCount];
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    counts[i] = Int64GetDatum(static_cast<std::int64_t>(buckets[i]));
  }
  return PointerGetDatum(construct_array(counts, static_cast<int>(buckets.size()), INT8OID,
                                         sizeof(std::int64_t), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void PutDistribution(const snapshot::Snapshot& taken, const FunctionStats& function,
                     ReturnSetInfo* result) {
  const bool timed = function.TimedCalls() > 0;
  ResultRow row;
  row.AddOid(function.key.dbid);
  row.AddText(taken.databases[function.database].datname.c_str());
  row.AddOid(function.key.funcid);
  row.AddText(function.identity.schema);
  row.AddText(function.identity.function);
  row.AddBigInteger(function.calls);
  row.AddBigInteger(function.errors);
  row.AddBigInteger(function.TimedCalls());
  row.AddMilliseconds(static_cast<double>(function.duration_ns));
  row.AddDouble(function.sum_squares_ns2 / (kNsPerMs * kNsPerMs));
  row.AddMillisecondsIf(timed, static_cast<double>(function.min_ns));
  row.AddMillisecondsIf(timed, static_cast<double>(function.max_ns));
  row.AddTimestamp(function.stats_since_us);
  row.AddDatum(BucketArray(function.buckets));
  row.PutInto(result);
}

// One for each stored bucket; with nothing to destroy, as errors may jump over it.
using Counts = std::array<std::uint64_t, measure::kBucketCount>;

// The counts of an array of SQL's.
void ReadBucketArray(ArrayType* array, Counts* buckets) {
  const bool fits = ARR_NDIM(array) == 1 && !array_contains_nulls(array) &&
                    ARR_DIMS(array)[0] == static_cast<int>(buckets->size());
  if (!fits) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("array of bucket counts must have one dimension, %zu elements and no "
                           "nulls",
                           buckets->size()),
                    errhint("Take it from pg_hello_distribution_rows().")));
  }
  const auto* counts = reinterpret_cast<const std::int64_t*>(ARR_DATA_PTR(array));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < buckets->size(); ++i) {
    const std::int64_t count = counts[i];
    if (count < 0 || __builtin_add_overflow(sum, static_cast<std::uint64_t>(count), &sum) ||
        sum > static_cast<std::uint64_t>(PG_INT64_MAX)) {
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                      errmsg("counts of buckets must not be negative, nor their sum above %lld",
                             static_cast<long long>(PG_INT64_MAX))));
    }
    (*buckets)[i] = static_cast<std::uint64_t>(count);
  }
}

std::uint64_t NsFromMs(double ms) {
  constexpr double kMost = 9e18;
  return std::isnan(ms) ? 0 : static_cast<std::uint64_t>(std::clamp(ms * kNsPerMs, 0.0, kMost));
}

}  // namespace

}  // namespace pg_hello::pg

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_bucket_rows);
PG_FUNCTION_INFO_V1(pg_hello_distribution_rows);
PG_FUNCTION_INFO_V1(pg_hello_bucket_percentile);

PGDLLEXPORT Datum pg_hello_bucket_rows(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_distribution_rows(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_bucket_percentile(PG_FUNCTION_ARGS);

Datum pg_hello_bucket_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (std::size_t bucket = 0; bucket < pg_hello::measure::kBucketCount; ++bucket) {
    ResultRow row;
    row.AddInteger(static_cast<std::int32_t>(bucket));
    row.AddMilliseconds(bucket > 0 ? UpperBoundNs(bucket - 1) : 0);
    row.AddMilliseconds(UpperBoundNs(bucket));
    row.AddMilliseconds(DecimalUpperBoundNs(bucket));
    row.PutInto(result);
  }
  PG_RETURN_NULL();
}

Datum pg_hello_distribution_rows(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  const pg_hello::snapshot::Snapshot* taken = TakeOwnedSnapshot();
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const FunctionStats& function : taken->functions) {
    CHECK_FOR_INTERRUPTS();
    PutDistribution(*taken, function, result);
  }
  PG_RETURN_NULL();
}

// pg_hello_bucket_percentile(buckets bigint[], q, min_time, max_time double precision)
Datum pg_hello_bucket_percentile(PG_FUNCTION_ARGS) {
  using namespace pg_hello::pg;
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) {
    PG_RETURN_NULL();
  }
  const double q = PG_GETARG_FLOAT8(1);
  if (!(q >= 0 && q <= 1)) {
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("quantile %g is not between 0 and 1", q),
                    errhint("For the 95th percentile, write 0.95.")));
  }
  Counts buckets;
  ReadBucketArray(PG_GETARG_ARRAYTYPE_P(0), &buckets);
  const std::uint64_t min_ns = PG_ARGISNULL(2) ? 0 : NsFromMs(PG_GETARG_FLOAT8(2));
  const std::uint64_t max_ns =
      PG_ARGISNULL(3) ? pg_hello::measure::kUpperBoundsNs.back() : NsFromMs(PG_GETARG_FLOAT8(3));
  double ns = 0;
  Guarded([&] {
    FunctionStats stats{};
    const std::span<std::uint64_t> kept = stats.buckets.Widen(0, buckets.size());
    std::copy(buckets.begin(), buckets.end(), kept.begin());
    stats.calls = std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
    stats.min_ns = min_ns;
    stats.max_ns = max_ns;
    ns = pg_hello::snapshot::Percentile(stats, q);
  });
  if (ns < 0) {
    PG_RETURN_NULL();
  }
  PG_RETURN_FLOAT8(ns / kNsPerMs);
}

}  // extern "C"
#pragma GCC visibility pop
