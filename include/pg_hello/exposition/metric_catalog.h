// Every metric family, with its name, type, unit, labels and HELP text, in the order of the
// exposition. Names live here and nowhere else: the formats, the walker and the generated
// documentation all read this table, so they cannot disagree.
//
// Source of the names: product.md section 5. The suffixes follow the OpenMetrics 1.0 specification
// ("Metric types", "Suffixes"); text format 0.0.4 shows the same series names.
#ifndef PG_HELLO_EXPOSITION_METRIC_CATALOG_H
#define PG_HELLO_EXPOSITION_METRIC_CATALOG_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pg_hello::exposition {

enum class FamilyType : std::uint8_t {
  kCounter,    // only grows, but for a reset; its series end with "_total"
  kGauge,      // goes up and down
  kHistogram,  // classic: "_bucket" with label le, "_sum", "_count"
  kInfo,       // labels are the message, the value is always 1; its series end with "_info"
};

enum class FamilyId : std::uint8_t {
  kFunctionCalls,
  kFunctionErrors,
  kFunctionCanceled,
  kFunctionErrorOrigins,
  kFunctionInclusiveSeconds,
  kFunctionSelfSeconds,
  kFunctionDurationSeconds,
  kFunctionIterations,
  kFunctionActive,
  kFunctionInfo,
  kBuildInfo,
  kExtensionInfo,
  kExtensionVersionMismatch,
  kPostgresInRecovery,
  kStatsResetTimestampSeconds,
  kTrackedFunctions,
  kTrackedFunctionsLimit,
  kExportedFunctions,
  kSuppressedFunctions,
  kExportedHistograms,
  kOverflowCalls,
  kSharedMemoryBytes,
  kStackResyncs,
  kUntimedCalls,
  kClockAnomalies,
  kInternalErrors,
  kOldestActiveCallStartTimestampSeconds,
  kWorkerStartTimeSeconds,
  kWorkerRestarts,
  kWorkerHeartbeatTimestampSeconds,
  kWorkerLongestTurnSeconds,
  kHttpListening,
  kHttpBindFailures,
  kHttpConnections,
  kHttpRequestsInFlight,
  kHttpRequests,
  kScrapes,
  kScrapeDurationSeconds,
  kScrapeSeries,
  kHttpConnectionsRefused,
  kTlsCertificateNotAfterTimestampSeconds,
  kHealthStatus,
  kHealthCheckStatus,
  kSloObjectiveRatio,
  kSloLatencyThresholdSeconds,
  kSloEvents,
  kSloBadEvents,
  kProbeSuccess,
  kProbeDurationSeconds,
  kProbeLastSuccessTimestampSeconds,
  kProbeIntervalSeconds,
  kProbeLastRoundTimestampSeconds,
  kProbesSkipped,
  kCount,  // how many there are
};

inline constexpr std::size_t kFamilyCount = static_cast<std::size_t>(FamilyId::kCount);
inline constexpr std::size_t kMaxLabels = 7;

// The labels that every series of a function begins with.
inline constexpr std::array<std::string_view, 3> kFunctionLabels = {"datname", "schema",
                                                                    "function"};

// The label of a histogram's buckets; a format adds it.
inline constexpr std::string_view kBucketLabel = "le";

struct Family {
  FamilyId id;
  std::string_view name;  // without the type's suffix, see SeriesSuffix()
  FamilyType type;
  std::string_view unit;  // "", "seconds" or "bytes"; if not empty, `name` ends with it
  std::array<std::string_view, kMaxLabels> label_names;  // in the order of the values; rest is ""
  std::string_view help;                                 // a sentence

  // The label names in use, without a histogram's le.
  constexpr std::span<const std::string_view> labels() const {
    std::size_t count = 0;
    while (count < label_names.size() && !label_names[count].empty()) {
      ++count;
    }
    return {label_names.data(), count};
  }
};

// What the name of a series has after the family's name (a histogram's series have their own).
constexpr std::string_view SeriesSuffix(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "_total";
    case FamilyType::kInfo:
      return "_info";
    case FamilyType::kGauge:
    case FamilyType::kHistogram:
      break;
  }
  return "";
}

// The type's name, as OpenMetrics has it.
constexpr std::string_view TypeWord(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kInfo:
      return "info";
  }
  return "";
}

// clang-format off
inline constexpr std::array<Family, kFamilyCount> kFamilies = {{
    // Functions.
    {FamilyId::kFunctionCalls, "pg_hello_function_calls", FamilyType::kCounter, "",
     {"datname", "schema", "function"},
     "Completed invocations of the function, successful or not."},
    {FamilyId::kFunctionErrors, "pg_hello_function_errors", FamilyType::kCounter, "",
     {"datname", "schema", "function"},
     "Invocations that ended in an error, including errors passed on from callees."},
    {FamilyId::kFunctionCanceled, "pg_hello_function_canceled", FamilyType::kCounter, "",
     {"datname", "schema", "function"},
     "Invocations ended by query cancel or statement timeout (SQLSTATE 57014). "
     "Also counted in errors."},
    {FamilyId::kFunctionErrorOrigins, "pg_hello_function_error_origins", FamilyType::kCounter, "",
     {"datname", "schema", "function", "sqlstate_class"},
     "Errors raised while this was the innermost tracked function, "
     "by two-character SQLSTATE class."},
    {FamilyId::kFunctionInclusiveSeconds, "pg_hello_function_inclusive_seconds",
     FamilyType::kCounter, "seconds",
     {"datname", "schema", "function"},
     "Wall time inside the function including callees; a recursive activation is counted once."},
    {FamilyId::kFunctionSelfSeconds, "pg_hello_function_self_seconds", FamilyType::kCounter,
     "seconds",
     {"datname", "schema", "function"},
     "Wall time inside the function excluding tracked callees."},
    {FamilyId::kFunctionDurationSeconds, "pg_hello_function_duration_seconds",
     FamilyType::kHistogram, "seconds",
     {"datname", "schema", "function"},
     "Wall time of single invocations (set-returning: per call, all iterations)."},
    {FamilyId::kFunctionIterations, "pg_hello_function_iterations", FamilyType::kCounter, "",
     {"datname", "schema", "function"},
     "Entries of set-returning functions; one call can have many."},
    {FamilyId::kFunctionActive, "pg_hello_function_active", FamilyType::kGauge, "",
     {"datname", "schema", "function"},
     "Invocations running now."},
    {FamilyId::kFunctionInfo, "pg_hello_function", FamilyType::kInfo, "",
     {"datname", "schema", "function", "funcid", "language", "kind", "extension"},
     "Identity of the function."},
    // Identity.
    {FamilyId::kBuildInfo, "pg_hello_build", FamilyType::kInfo, "",
     {"version", "postgres_version"},
     "Versions of the loaded library and of the server it runs in."},
    {FamilyId::kExtensionInfo, "pg_hello_extension", FamilyType::kInfo, "",
     {"datname", "extension", "version"},
     "Version of the extension's SQL objects in each database, as last seen by a session there."},
    {FamilyId::kExtensionVersionMismatch, "pg_hello_extension_version_mismatch",
     FamilyType::kGauge, "", {"datname"},
     "1 if the version of the SQL objects in a database is not that of the loaded library."},
    {FamilyId::kPostgresInRecovery, "pg_hello_postgres_in_recovery", FamilyType::kGauge, "", {},
     "1 while the server is in recovery."},
    {FamilyId::kStatsResetTimestampSeconds, "pg_hello_stats_reset_timestamp_seconds",
     FamilyType::kGauge, "seconds", {},
     "Unix time of the last full reset of the statistics."},
    // Collector.
    {FamilyId::kTrackedFunctions, "pg_hello_tracked_functions", FamilyType::kGauge, "", {},
     "Functions in the shared table."},
    {FamilyId::kTrackedFunctionsLimit, "pg_hello_tracked_functions_limit", FamilyType::kGauge, "",
     {},
     "Capacity of the shared table in functions (pg_hello.max_functions)."},
    {FamilyId::kExportedFunctions, "pg_hello_exported_functions", FamilyType::kGauge, "", {},
     "Functions that the exposition shows (pg_hello.metrics_max_functions), "
     "filters of a request aside."},
    {FamilyId::kSuppressedFunctions, "pg_hello_suppressed_functions", FamilyType::kGauge, "", {},
     "Functions in the shared table that the exposition leaves out."},
    {FamilyId::kExportedHistograms, "pg_hello_exported_histograms", FamilyType::kGauge, "", {},
     "Functions whose classic histograms text formats show (pg_hello.metrics_max_histograms)."},
    {FamilyId::kOverflowCalls, "pg_hello_overflow_calls", FamilyType::kCounter, "",
     {"datname"},
     "Calls that no function's counters include because the shared table was full."},
    {FamilyId::kSharedMemoryBytes, "pg_hello_shared_memory_bytes", FamilyType::kGauge, "bytes", {},
     "Shared memory taken by the library."},
    {FamilyId::kStackResyncs, "pg_hello_stack_resyncs", FamilyType::kCounter, "", {},
     "Repairs of a call stack after a missed event."},
    {FamilyId::kUntimedCalls, "pg_hello_untimed_calls", FamilyType::kCounter, "", {},
     "Calls that were counted but too deep in the call stack to be timed."},
    {FamilyId::kClockAnomalies, "pg_hello_clock_anomalies", FamilyType::kCounter, "", {},
     "Negative durations that were counted as zero."},
    {FamilyId::kInternalErrors, "pg_hello_internal_errors", FamilyType::kCounter, "", {},
     "Errors of the library's own in queries; each left a call uncounted or a name out of date."},
    // Worker and HTTP.
    {FamilyId::kOldestActiveCallStartTimestampSeconds,
     "pg_hello_oldest_active_call_start_timestamp_seconds", FamilyType::kGauge, "seconds", {},
     "Unix time at which the longest running tracked call began, 0 if none runs."},
    {FamilyId::kWorkerStartTimeSeconds, "pg_hello_worker_start_time_seconds", FamilyType::kGauge,
     "seconds", {},
     "Unix time the worker started."},
    {FamilyId::kWorkerRestarts, "pg_hello_worker_restarts", FamilyType::kCounter, "", {},
     "Starts of the worker since the postmaster started, minus one."},
    {FamilyId::kWorkerHeartbeatTimestampSeconds, "pg_hello_worker_heartbeat_timestamp_seconds",
     FamilyType::kGauge, "seconds", {},
     "Unix time of the last turn of the worker's main loop."},
    {FamilyId::kWorkerLongestTurnSeconds, "pg_hello_worker_longest_turn_seconds",
     FamilyType::kGauge, "seconds", {},
     "Longest time that one turn of the worker's main loop has taken since the worker started."},
    {FamilyId::kHttpListening, "pg_hello_http_listening", FamilyType::kGauge, "", {},
     "1 if every configured address is bound."},
    {FamilyId::kHttpBindFailures, "pg_hello_http_bind_failures", FamilyType::kCounter, "", {},
     "Failed attempts to bind an address."},
    {FamilyId::kHttpConnections, "pg_hello_http_connections", FamilyType::kGauge, "", {},
     "Open client connections."},
    {FamilyId::kHttpRequestsInFlight, "pg_hello_http_requests_in_flight", FamilyType::kGauge, "",
     {},
     "HTTP requests that are being answered, the scrape that shows it included."},
    {FamilyId::kHttpRequests, "pg_hello_http_requests", FamilyType::kCounter, "",
     {"path", "code"},
     "HTTP requests answered."},
    {FamilyId::kScrapes, "pg_hello_scrapes", FamilyType::kCounter, "", {},
     "Expositions built for /metrics."},
    {FamilyId::kScrapeDurationSeconds, "pg_hello_scrape_duration_seconds", FamilyType::kGauge,
     "seconds", {},
     "Time spent to build the last finished exposition."},
    {FamilyId::kScrapeSeries, "pg_hello_scrape_series", FamilyType::kGauge, "", {},
     "Samples in the last finished exposition."},
    {FamilyId::kHttpConnectionsRefused, "pg_hello_http_connections_refused", FamilyType::kCounter,
     "", {},
     "Connections that were closed at once because all of their client's places were being served."},
    {FamilyId::kTlsCertificateNotAfterTimestampSeconds,
     "pg_hello_tls_certificate_not_after_timestamp_seconds", FamilyType::kGauge, "seconds", {},
     "Unix time at which the first of the certificates expires that clients are shown. "
     "Only with TLS."},
    // Health.
    {FamilyId::kHealthStatus, "pg_hello_health_status", FamilyType::kGauge, "", {"status"},
     "1 for the status of /health, 0 for the others: pass, warn and fail."},
    {FamilyId::kHealthCheckStatus, "pg_hello_health_check_status", FamilyType::kGauge, "",
     {"check", "status"},
     "1 for the status of each check of /health, 0 for the others: pass, warn and fail."},
    // Objectives (pg_hello.slo).
    {FamilyId::kSloObjectiveRatio, "pg_hello_slo_objective_ratio", FamilyType::kGauge, "", {"slo"},
     "Target share of good events."},
    {FamilyId::kSloLatencyThresholdSeconds, "pg_hello_slo_latency_threshold_seconds",
     FamilyType::kGauge, "seconds", {"slo"},
     "Duration beyond which a call is bad, as a bound of the stored buckets. "
     "Only of objectives that have one."},
    {FamilyId::kSloEvents, "pg_hello_slo_events", FamilyType::kCounter, "", {"slo"},
     "Finished calls of the objective's functions."},
    {FamilyId::kSloBadEvents, "pg_hello_slo_bad_events", FamilyType::kCounter, "", {"slo"},
     "Calls of these that failed without being canceled, or took longer than the threshold."},
    // Probes.
    {FamilyId::kProbeSuccess, "pg_hello_probe_success", FamilyType::kGauge, "",
     {"datname", "probe"},
     "1 if the last probe of the database passed, 0 if it failed; "
     "none if it was not made because one before it failed."},
    {FamilyId::kProbeDurationSeconds, "pg_hello_probe_duration_seconds", FamilyType::kGauge,
     "seconds", {"datname", "probe"},
     "Time that the last probe of the database took."},
    {FamilyId::kProbeLastSuccessTimestampSeconds,
     "pg_hello_probe_last_success_timestamp_seconds", FamilyType::kGauge, "seconds",
     {"datname", "probe"},
     "Unix time at which the probe of the database last passed, 0 if it has not."},
    {FamilyId::kProbeIntervalSeconds, "pg_hello_probe_interval_seconds", FamilyType::kGauge,
     "seconds", {},
     "Time between the beginnings of two rounds of probes (pg_hello.probe_interval), 0 if off."},
    {FamilyId::kProbeLastRoundTimestampSeconds, "pg_hello_probe_last_round_timestamp_seconds",
     FamilyType::kGauge, "seconds", {},
     "Unix time at which the last complete round of probes ended, 0 if there was none."},
    {FamilyId::kProbesSkipped, "pg_hello_probes_skipped", FamilyType::kCounter, "", {"reason"},
     "Visits of databases that were due and came to nothing, through no fault of the database."},
}};
// clang-format on

constexpr const Family& GetFamily(FamilyId id) { return kFamilies[static_cast<std::size_t>(id)]; }

// How many families have the series of functions, those that begin with kFunctionLabels. They are
// the first ones.
inline constexpr std::size_t kFunctionFamilyCount =
    static_cast<std::size_t>(FamilyId::kFunctionInfo) + 1;

namespace internal {

constexpr bool FamiliesAreInOrder() {
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    if (kFamilies[i].id != static_cast<FamilyId>(i) ||
        kFamilies[i].name.starts_with("pg_hello_function") != (i < kFunctionFamilyCount)) {
      return false;
    }
  }
  return true;
}

}  // namespace internal

static_assert(internal::FamiliesAreInOrder(),
              "kFamilies and FamilyId must have the same order, functions first");

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_METRIC_CATALOG_H
