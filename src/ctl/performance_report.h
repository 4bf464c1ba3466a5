// The subcommand `report`: what a database's functions did over a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/function_counters.h"
#include "ctl/objectives.h"

namespace pg_hello::ctl {

// A function against a baseline, as pg_hello_compare_baseline() judges it; its texts as they come.
struct Comparison {
  std::string function = {};
  std::string verdict = {};
  std::optional<double> ratio = {};  // of the means, now to then
  std::optional<double> baseline_ms = {}, current_ms = {};
  std::optional<double> baseline_p95_ms = {}, current_p95_ms = {};
};

// One of several moments in the time: what was done since the one before.
struct Moment {
  double seconds = 0;  // since the beginning
  double calls_per_second = 0;
  std::optional<double> p95_ms = {};  // of all calls together
};

struct PerformanceReport {
  std::string title = {};  // over what
  std::string database = {};
  std::string server_version = {};
  std::string library_version = {};
  UnixMs from = 0;  // 0: not known, each function's counters began at another time
  UnixMs to = 0;
  double Seconds() const { return from > 0 ? static_cast<double>(to - from) / 1000 : 0; }
  Objectives objectives = {};
  std::vector<Work> works = {};
  std::vector<Comparison> comparisons = {};  // only against a baseline
  std::vector<Moment> moments = {};          // only where it was watched
  std::vector<double> bucket_bounds = {};    // of the works' buckets, in milliseconds
  Findings findings = {};
};

struct ReportRequest {
  Target target;
  int over_seconds = 0;       // watch it that long
  std::string baseline = {};  // or since this baseline; neither: since the counters began
  Objectives objectives;
};

PerformanceReport MakeReport(const ReportRequest& request);

// What of it an open session can give: since a baseline, or since the counters began.
PerformanceReport MakeReport(Session& session, const std::string& baseline,
                             const Objectives& objectives);

std::string AsText(const PerformanceReport& report, bool colours);
std::string AsJson(const PerformanceReport& report);

// One page that needs nothing else: no script, nothing from elsewhere.
std::string AsHtml(const PerformanceReport& report);

}  // namespace pg_hello::ctl
