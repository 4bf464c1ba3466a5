#include "ctl/performance_report.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "ctl/database_check.h"
#include "ctl/own_functions.h"
#include "ctl/session.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

constexpr int kMaxMoments = 120;

std::optional<double> Real(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::strtod(text->c_str(), nullptr);
}

// All calls of all functions as one.
Work Together(const std::vector<Work>& works) {
  Work all;
  for (const Work& work : works) {
    all.calls += work.calls;
    all.timed_calls += work.timed_calls;
    all.max_ms = std::max(all.max_ms, work.max_ms);
    all.buckets.resize(std::max(all.buckets.size(), work.buckets.size()));
    for (std::size_t i = 0; i < work.buckets.size(); ++i) all.buckets[i] += work.buckets[i];
  }
  return all;
}

class Reporter {
 public:
  Reporter(Session& session, const Objectives& objectives) : session_(session) {
    report_.objectives = objectives;
  }

  PerformanceReport Run(int over_seconds, const std::string& baseline) {
    if (Begin()) {
      if (over_seconds > 0) {
        Watch(over_seconds);
      } else if (!baseline.empty()) {
        SinceBaseline(baseline);
      } else {
        SinceBeginning();
      }
    }
    return std::move(report_);
  }

 private:
  void Add(const char* check, Severity severity, std::string message, std::string hint = "") {
    report_.findings.push_back(
        {check, severity, report_.database, std::move(message), std::move(hint)});
  }

  template <typename Value>
  bool Take(std::variant<Value, SqlError> answer, Value& value) {
    if (const auto* const error = std::get_if<SqlError>(&answer)) return Failed(*error);
    value = std::move(std::get<Value>(answer));
    return true;
  }

  bool Failed(const SqlError& error) {
    const Severity severity = SeverityOf(error);
    Add("report", severity, error.message,
        severity == Severity::kUnknown ? "GRANT pg_monitor to the role that asks" : error.hint);
    return false;
  }

  bool Begin() {
    Rows rows;
    if (!Take(session_.Ask("SELECT current_database()"), rows)) return false;
    report_.database = rows.at(0)[0].value_or("");
    std::optional<InstalledExtension> extension;
    if (!Take(AskForExtension(session_), extension)) return false;
    if (!extension) {
      Add("installed", Severity::kCritical, "extension pg_hello is not installed",
          "CREATE EXTENSION pg_hello");
      return false;
    }
    schema_ = extension->schema;
    return Take(ReadBucketBounds(session_, schema_), report_.bucket_bounds) && Read(now_);
  }

  bool Read(Reading& reading) {
    if (!Take(ReadCounters(session_, schema_), reading)) return false;
    report_.server_version = reading.server_version;
    report_.library_version = reading.library_version;
    report_.to = reading.taken;
    return true;
  }

  void Watch(int seconds) {
    report_.title = "over " + std::to_string(seconds) + " seconds";
    report_.from = now_.taken;
    const Reading first = now_;
    Reading last = now_;
    const int moments = std::min(seconds, kMaxMoments);
    CatchStopSignals();
    session_.AskToTheEnd();
    for (int i = 1; i <= moments && !StopWanted(); ++i) {
      SleepUntil(first.taken + static_cast<UnixMs>(seconds) * 1000 * i / moments, last.taken);
      Reading now;
      if (!Read(now)) return;
      if (!AddMoment(first, last, now)) return;
      last = std::move(now);
    }
    if (StopWanted()) {
      Add("report", Severity::kUnknown,
          "it was told to stop; the figures are of the time until then");
    }
    Finish(first, last);
  }

  static void SleepUntil(UnixMs moment, UnixMs now) {
    const UnixMs ms = std::max<UnixMs>(moment - now, 0);
    const timespec pause = {ms / 1000, (ms % 1000) * 1'000'000};
    nanosleep(&pause, nullptr);
  }

  bool AddMoment(const Reading& first, const Reading& before, const Reading& now) {
    std::vector<Work> works = Difference(before, now);
    RemoveReaders(works);
    std::vector<Work> all = {Together(works)};
    if (!works.empty()) {
      if (const auto error = AddPercentiles(session_, schema_, all)) return Failed(*error);
    }
    const double length = static_cast<double>(std::max<UnixMs>(now.taken - before.taken, 1)) / 1000;
    report_.moments.push_back({.seconds = static_cast<double>(now.taken - first.taken) / 1000,
                               .calls_per_second = static_cast<double>(all[0].calls) / length,
                               .p95_ms = all[0].p95_ms});
    return true;
  }

  void SinceBeginning() {
    report_.title = "since each function's counters began";
    Finish({}, now_);
  }

  void SinceBaseline(const std::string& label) {
    report_.title = "since the baseline \"" + label + "\"";
    Reading then;
    if (!ReadBaseline(label, then) || !Compare(label)) return;
    report_.from = then.taken;
    Finish(then, now_);
  }

  bool ReadBaseline(const std::string& label, Reading& then) {
    Rows rows;
    if (!Take(session_.Ask("SELECT function_name, stats_since, calls_total, errors_total,"
                           " timed_calls, sum_time_ms, buckets,"
                           " floor(extract(epoch FROM recorded_at) * 1000)::bigint FROM " +
                               schema_ + ".pg_hello_performance_baseline WHERE label = $1",
                           {label}),
              rows)) {
      return false;
    }
    for (const auto& row : rows) {
      const auto integer = [&row](std::size_t column) {
        return std::strtoll(row[column].value_or("0").c_str(), nullptr, 10);
      };
      then.taken = integer(7);
      then.functions[row[0].value_or("")] = {.since = row[1].value_or(""),
                                             .calls = integer(2),
                                             .errors = integer(3),
                                             .timed_calls = integer(4),
                                             .sum_ms = Real(row[5]).value_or(0),
                                             .buckets = ParseArray(row[6].value_or(""))};
    }
    return true;
  }

  bool Compare(const std::string& label) {
    Rows rows;
    if (!Take(session_.Ask("SELECT function_name, verdict, time_ratio, baseline_avg_ms,"
                           " current_avg_ms, baseline_p95_ms, current_p95_ms FROM " +
                               schema_ + ".pg_hello_compare_baseline($1)",
                           {label}),
              rows)) {
      return false;
    }
    for (const auto& row : rows) {
      Comparison comparison{.function = row[0].value_or(""),
                            .verdict = row[1].value_or(""),
                            .ratio = Real(row[2]),
                            .baseline_ms = Real(row[3]),
                            .current_ms = Real(row[4]),
                            .baseline_p95_ms = Real(row[5]),
                            .current_p95_ms = Real(row[6])};
      if (comparison.verdict == "slower" && !IsReader(comparison.function, "pg_hello")) {
        Add("baseline", Severity::kWarning,
            comparison.function + " is slower: its mean is " + row[2].value_or("?") +
                " times that of the baseline");
      }
      report_.comparisons.push_back(std::move(comparison));
    }
    return true;
  }

  static void RemoveReaders(std::vector<Work>& works) {
    std::erase_if(works, [](const Work& work) { return IsReader(work.function, work.extension); });
  }

  void Finish(const Reading& before, const Reading& after) {
    report_.works = Difference(before, after);
    RemoveReaders(report_.works);
    if (const auto error = AddPercentiles(session_, schema_, report_.works)) {
      Failed(*error);
      return;
    }
    std::vector<FunctionCounters> functions;
    for (const Work& work : report_.works) {
      if (work.began_anew) {
        Add("report", Severity::kWarning,
            "counters of " + work.function + " were reset meanwhile: what was before is missing");
      }
      functions.push_back({.function = work.function,
                           .calls = static_cast<std::uint64_t>(work.calls),
                           .errors = static_cast<std::uint64_t>(work.errors),
                           .p95_ms = work.p95_ms});
    }
    for (Finding& finding : JudgeCounters(report_.database, functions, report_.objectives)) {
      report_.findings.push_back(std::move(finding));
    }
  }

  Session& session_;
  std::string schema_;
  Reading now_;
  PerformanceReport report_;
};

}  // namespace

PerformanceReport MakeReport(Session& session, const std::string& baseline,
                             const Objectives& objectives) {
  return Reporter(session, objectives).Run(0, baseline);
}

PerformanceReport MakeReport(const ReportRequest& request) {
  auto opened = Session::Open(request.target, std::nullopt);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    PerformanceReport report;
    report.findings = {{"connection", SeverityOf(error->failure), "", error->message, ""}};
    return report;
  }
  return Reporter(std::get<Session>(opened), request.objectives)
      .Run(request.over_seconds, request.baseline);
}

}  // namespace pg_hello::ctl
