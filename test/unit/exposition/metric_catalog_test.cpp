// The catalogue against the conventions of Prometheus and OpenMetrics, so that a new family that
// breaks one fails here and not on somebody's server.
#include "pg_hello/exposition/metric_catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace pg_hello::exposition {
namespace {

bool IsSnakeCase(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' && name.back() != '_' &&
         name.find("__") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string SeriesName(const Family& family) {
  return std::string(family.name).append(SeriesSuffix(family.type));
}

TEST(MetricCatalogTest, NamesAreUniqueWithAndWithoutSuffix) {
  std::set<std::string> names;
  std::set<std::string> series;
  for (const Family& family : kFamilies) {
    EXPECT_TRUE(names.insert(std::string(family.name)).second) << family.name;
    EXPECT_TRUE(series.insert(SeriesName(family)).second) << family.name;
    if (family.type == FamilyType::kHistogram) {
      for (const char* suffix : {"_bucket", "_sum", "_count"}) {
        EXPECT_TRUE(series.insert(std::string(family.name) + suffix).second) << family.name;
      }
    }
  }
}

TEST(MetricCatalogTest, NamesHaveThePrefixAndSnakeCase) {
  for (const Family& family : kFamilies) {
    EXPECT_TRUE(family.name.starts_with("pg_hello_")) << family.name;
    EXPECT_TRUE(IsSnakeCase(family.name)) << family.name;
  }
}

TEST(MetricCatalogTest, NamesDoNotEndWithASuffixThatMeansSomethingElse) {
  for (const Family& family : kFamilies) {
    for (const char* suffix : {"_total", "_info", "_bucket", "_sum", "_count", "_created"}) {
      EXPECT_FALSE(family.name.ends_with(suffix)) << family.name;
    }
  }
}

TEST(MetricCatalogTest, NamesEndWithTheirUnit) {
  for (const Family& family : kFamilies) {
    for (const char* unit : {"seconds", "bytes"}) {
      EXPECT_EQ(family.name.ends_with(std::string("_") + unit), family.unit == unit) << family.name;
    }
    EXPECT_TRUE(family.unit.empty() || family.unit == "seconds" || family.unit == "bytes");
  }
}

TEST(MetricCatalogTest, LabelsAreUniqueSnakeCaseAndNotReserved) {
  for (const Family& family : kFamilies) {
    std::set<std::string_view> seen;
    for (const std::string_view label : family.labels()) {
      EXPECT_TRUE(IsSnakeCase(label)) << family.name << " " << label;
      EXPECT_TRUE(seen.insert(label).second) << family.name << " " << label;
      for (const char* reserved : {"le", "quantile", "job", "instance", "type"}) {
        EXPECT_NE(label, reserved) << family.name;
      }
    }
  }
}

TEST(MetricCatalogTest, FunctionFamiliesBeginWithTheFunctionsLabels) {
  for (const Family& family : kFamilies) {
    const auto labels = family.labels();
    const bool is_function = family.name.starts_with("pg_hello_function");
    EXPECT_EQ(labels.size() >= kFunctionLabels.size() &&
                  std::equal(kFunctionLabels.begin(), kFunctionLabels.end(), labels.begin()),
              is_function)
        << family.name;
  }
}

TEST(MetricCatalogTest, HelpIsOneSentence) {
  for (const Family& family : kFamilies) {
    EXPECT_TRUE(family.help.ends_with(".")) << family.name;
    EXPECT_EQ(family.help.find('\n'), std::string_view::npos) << family.name;
    EXPECT_LE(family.help.size(), 120U) << family.name;
  }
}

TEST(MetricCatalogTest, FamiliesAreFoundByTheirId) {
  EXPECT_EQ(GetFamily(FamilyId::kFunctionCalls).name, "pg_hello_function_calls");
  EXPECT_EQ(GetFamily(FamilyId::kScrapeSeries).name, "pg_hello_scrape_series");
}

TEST(MetricCatalogTest, HasTheNamesThatUsersKnow) {
  const std::set<std::string> promised = {
      "pg_hello_function_calls_total",
      "pg_hello_function_errors_total",
      "pg_hello_function_canceled_total",
      "pg_hello_function_error_origins_total",
      "pg_hello_function_inclusive_seconds_total",
      "pg_hello_function_self_seconds_total",
      "pg_hello_function_duration_seconds",
      "pg_hello_function_iterations_total",
      "pg_hello_function_active",
      "pg_hello_function_info",
      "pg_hello_build_info",
      "pg_hello_extension_info",
      "pg_hello_extension_version_mismatch",
      "pg_hello_postgres_in_recovery",
      "pg_hello_probe_success",
      "pg_hello_probe_duration_seconds",
      "pg_hello_probe_last_success_timestamp_seconds",
      "pg_hello_probe_interval_seconds",
      "pg_hello_probe_last_round_timestamp_seconds",
      "pg_hello_probes_skipped_total",
      "pg_hello_stats_reset_timestamp_seconds",
      "pg_hello_tracked_functions",
      "pg_hello_tracked_functions_limit",
      "pg_hello_exported_functions",
      "pg_hello_suppressed_functions",
      "pg_hello_exported_histograms",
      "pg_hello_overflow_calls_total",
      "pg_hello_shared_memory_bytes",
      "pg_hello_stack_resyncs_total",
      "pg_hello_untimed_calls_total",
      "pg_hello_clock_anomalies_total",
      "pg_hello_internal_errors_total",
      "pg_hello_oldest_active_call_start_timestamp_seconds",
      "pg_hello_worker_start_time_seconds",
      "pg_hello_worker_restarts_total",
      "pg_hello_worker_heartbeat_timestamp_seconds",
      "pg_hello_worker_longest_turn_seconds",
      "pg_hello_http_listening",
      "pg_hello_http_bind_failures_total",
      "pg_hello_http_connections",
      "pg_hello_http_requests_in_flight",
      "pg_hello_http_requests_total",
      "pg_hello_scrapes_total",
      "pg_hello_scrape_duration_seconds",
      "pg_hello_scrape_series",
      "pg_hello_http_connections_refused_total",
      "pg_hello_tls_certificate_not_after_timestamp_seconds",
      "pg_hello_health_status",
      "pg_hello_health_check_status",
      "pg_hello_slo_objective_ratio",
      "pg_hello_slo_latency_threshold_seconds",
      "pg_hello_slo_events_total",
      "pg_hello_slo_bad_events_total",
  };
  std::set<std::string> names;
  for (const Family& family : kFamilies) {
    names.insert(SeriesName(family));
  }
  EXPECT_EQ(names, promised);
}

}  // namespace
}  // namespace pg_hello::exposition
