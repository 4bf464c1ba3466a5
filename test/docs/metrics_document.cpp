// docs/metrics.md, made of the catalogue.
//
// usage: metrics_document          print it
//        metrics_document FILE     fail if it is not what FILE says
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "pg_hello/exposition/metric_catalog.h"
#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::exposition {
namespace {

std::string Code(std::string_view text) { return "`" + std::string(text) + "`"; }

// The labels but for the first `left_out`.
std::string Labels(const Family& family, std::size_t left_out) {
  std::string text;
  for (const std::string_view label : family.labels().subspan(left_out)) {
    text += (text.empty() ? "" : ", ") + Code(label);
  }
  return text;
}

std::string Table(std::span<const Family> families, std::size_t left_out) {
  std::string text = "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
  for (const Family& family : families) {
    const std::string name = std::string(family.name).append(SeriesSuffix(family.type));
    text += "| " + Code(name) + " | " + std::string(TypeWord(family.type)) + " | " +
            std::string(family.unit) + " | " + Labels(family, left_out) + " | " +
            std::string(family.help) + " |\n";
  }
  return text;
}

std::string Bounds() {
  std::string text;
  for (const measure::ClassicBound& bound : measure::kClassicBounds) {
    text += Code(bound.le) + ", ";
  }
  return text + Code("+Inf");
}

std::string Document() {
  const std::span<const Family> families(kFamilies);
  return "# Metrics\n\n"
         "What `/metrics` and `pg_hello_metrics()` show. Made by `scripts/update-metrics-doc` "
         "from\n"
         "the catalogue in `include/pg_hello/exposition/metric_catalog.h`; a test fails if the "
         "two\n"
         "differ.\n\n"
         "## Functions\n\n"
         "One series for each function (and, of error origins, for each SQLSTATE class that "
         "occurred).\n"
         "All have the labels `datname`, `schema` and `function`; the last is the signature that "
         "tells\n"
         "overloads apart: `pg_hello(text)`.\n\n" +
         Table(families.first(kFunctionFamilyCount), kFunctionLabels.size()) +
         "\nThe histogram has the series `_bucket` (label `le`), `_sum` and `_count`. Its classic "
         "bounds are\n" +
         Bounds() +
         ".\nAs a native histogram, which only protobuf carries, it has schema 3 (eight buckets to "
         "a power\n"
         "of two) from 2^-20 s (about 1 us) to 128 s; shorter durations are in the zero bucket, "
         "longer ones in\n"
         "the one that ends at `+Inf`.\n\n"
         "## Server\n\n" +
         Table(families.subspan(kFunctionFamilyCount), 0) +
         "\n## Formats\n\n"
         "| `Accept` | answer |\n|---|---|\n"
         "| `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
         "encoding=delimited` | protobuf: native "
         "histograms beside classic ones, values as doubles |\n"
         "| `application/openmetrics-text`, version 1.0.0 or 0.0.1 | OpenMetrics 1.0.0: families "
         "are named without `_total` and "
         "`_info`, functions' counters and histograms also have `_created`, and `le` is `1.0` "
         "instead of `1` |\n"
         "| anything else | Prometheus text 0.0.4; info metrics are gauges |\n";
}

int Compare(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  if (written == Document()) {
    return 0;
  }
  std::cerr << path << " is not what the catalogue says: run scripts/update-metrics-doc\n";
  return 1;
}

}  // namespace
}  // namespace pg_hello::exposition

int main(int argc, char** argv) {
  if (argc > 1) {
    return pg_hello::exposition::Compare(argv[1]);
  }
  std::cout << pg_hello::exposition::Document();
  return 0;
}
