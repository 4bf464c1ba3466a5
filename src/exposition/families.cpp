// The walk over a snapshot, family by family; the only file that knows which member of a snapshot
// belongs to which family.
#include "pg_hello/exposition/families.h"

#include <cassert>
#include <charconv>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "exposition/fixed_text.h"
#include "exposition/function_labels.h"

namespace pg_hello::exposition {
namespace {

using snapshot::FunctionStats;
using snapshot::Snapshot;

// A histogram's work in samples.
constexpr std::size_t kHistogramUnits = 16;

// The decimal digits of an oid.
class OidText {
 public:
  explicit OidText(std::uint32_t oid)
      : length_(static_cast<std::size_t>(
            std::to_chars(digits_, digits_ + sizeof(digits_), oid).ptr - digits_)) {}

  std::string_view view() const { return {digits_, length_}; }

 private:
  char digits_[10];
  std::size_t length_;
};

std::string_view KindWord(char kind) {
  switch (kind) {
    case 'f':
      return "function";
    case 'p':
      return "procedure";
    case 'a':
      return "aggregate";
    case 'w':
      return "window";
    case 't':
      return "trigger";
    default:
      return "unknown";
  }
}

std::uint64_t UntimedCalls(const Snapshot& snapshot) {
  std::uint64_t untimed = 0;
  for (const FunctionStats& stats : snapshot.functions) {
    untimed += stats.untimed;
  }
  return untimed;
}

}  // namespace

FamilyWalk::FamilyWalk(const Snapshot& snapshot, const Options& options, FamilyWriter& writer,
                       std::shared_ptr<FunctionLabels> labels)
    : snapshot_(snapshot),
      options_(options),
      writer_(writer),
      labels_(labels != nullptr ? std::move(labels)
                                : std::make_shared<FunctionLabels>(snapshot, writer)) {
  assert(options.functions.empty() || options.functions.size() == snapshot.functions.size());
  shown_.reserve(snapshot.functions.size());
}

bool FamilyWalk::Step(std::size_t units) {
  for (std::size_t done = 0; done < units && next_family_ < kFamilyCount;) {
    done += Advance();
  }
  return next_family_ == kFamilyCount;
}

// Does what comes next and returns how many units it was.
std::size_t FamilyWalk::Advance() {
  if (next_labels_ < snapshot_.functions.size()) {
    AddFunction(next_labels_++);
    return 1;
  }
  const Family& family = kFamilies[next_family_];
  if (options_.hidden_families[next_family_]) {
    return EndFamily();
  }
  if (next_function_ == 0) {
    writer_.BeginFamily(family);
  }
  if (next_family_ >= kFunctionFamilyCount) {
    WriteServer(family.id);
  } else if (next_function_ < shown_.size()) {
    WriteFunction(family.id, shown_[next_function_++]);
    return family.type == FamilyType::kHistogram ? kHistogramUnits : 1;
  }
  return EndFamily();
}

std::size_t FamilyWalk::EndFamily() {
  next_function_ = 0;
  if (++next_family_ == kFamilyCount) {
    writer_.Finish();
  }
  return 1;
}

void FamilyWalk::AddFunction(std::size_t index) {
  const Exposure exposure =
      options_.functions.empty() ? Exposure::kFull : options_.functions[index];
  if (exposure != Exposure::kHidden) {
    shown_.push_back({&snapshot_.functions[index], labels_->Of(snapshot_, index), exposure});
  }
}

void FamilyWalk::WriteFunction(FamilyId id, const ShownFunction& function) {
  const FunctionStats& stats = *function.stats;
  const auto value = [&](Decimal number) { Sample(function.labels, {}, number); };
  switch (id) {
    case FamilyId::kFunctionCalls:
      return value(Decimal::Integer(stats.calls));
    case FamilyId::kFunctionErrors:
      return value(Decimal::Integer(stats.errors));
    case FamilyId::kFunctionCanceled:
      return value(Decimal::Integer(stats.canceled));
    case FamilyId::kFunctionErrorOrigins:
      for (const snapshot::ErrorOrigin& origin : stats.error_origins) {
        if (origin.count > 0) {
          Sample(function.labels, {TextOf(origin.sqlstate_class)}, Decimal::Integer(origin.count));
        }
      }
      return;
    case FamilyId::kFunctionInclusiveSeconds:
      return value(Decimal::SecondsOfNs(stats.inclusive_ns));
    case FamilyId::kFunctionSelfSeconds:
      return value(Decimal::SecondsOfNs(stats.self_ns));
    case FamilyId::kFunctionDurationSeconds:
      samples_ +=
          writer_.Histogram(function.labels, stats.buckets, Decimal::SecondsOfNs(stats.duration_ns),
                            function.exposure == Exposure::kFull);
      return;
    case FamilyId::kFunctionIterations:
      if (stats.iterations > 0) {  // others are not set-returning
        value(Decimal::Integer(stats.iterations));
      }
      return;
    case FamilyId::kFunctionActive:
      return value(Decimal::Integer(stats.active));
    case FamilyId::kFunctionInfo:
      return Sample(function.labels,
                    {OidText(stats.key.funcid).view(), TextOf(stats.identity.language),
                     KindWord(stats.identity.kind), TextOf(stats.identity.extension)},
                    Decimal::Integer(1));
    default:
      assert(false && "a family of functions");
  }
}

void FamilyWalk::WriteServer(FamilyId id) {
  const snapshot::ServerState& server = snapshot_.server;
  const snapshot::WorkerStats& worker = snapshot_.worker;
  switch (id) {
    case FamilyId::kBuildInfo:
      return Sample(FamilyWriter::kNoLabels, {server.library_version, server.postgres_version},
                    Decimal::Integer(1));
    case FamilyId::kExtensionInfo:
      for (const snapshot::DatabaseStats& database : snapshot_.databases) {
        if (!database.extension_version.empty()) {
          Sample(FamilyWriter::kNoLabels,
                 {database.datname, "pg_hello", database.extension_version}, Decimal::Integer(1));
        }
      }
      return;
    case FamilyId::kExtensionVersionMismatch:
      for (const snapshot::DatabaseStats& database : snapshot_.databases) {
        if (!database.extension_version.empty()) {
          const bool same = database.extension_version == snapshot_.server.library_version;
          Sample(FamilyWriter::kNoLabels, {database.datname}, Decimal::Integer(same ? 0 : 1));
        }
      }
      return;
    case FamilyId::kPostgresInRecovery:
      return Single(Decimal::Integer(server.in_recovery ? 1 : 0));
    case FamilyId::kStatsResetTimestampSeconds:
      return Single(Decimal::SecondsOfUs(snapshot_.stats_reset_us));
    case FamilyId::kTrackedFunctions:
      return Single(Decimal::Integer(snapshot_.functions.size()));
    case FamilyId::kTrackedFunctionsLimit:
      return Single(Decimal::Integer(snapshot_.functions_limit));
    case FamilyId::kExportedFunctions:
      return Single(Decimal::Integer(options_.exported.functions));
    case FamilyId::kSuppressedFunctions:
      return Single(Decimal::Integer(options_.exported.suppressed));
    case FamilyId::kExportedHistograms:
      return Single(Decimal::Integer(options_.exported.histograms));
    case FamilyId::kOverflowCalls:
      for (const snapshot::DatabaseStats& database : snapshot_.databases) {
        Sample(FamilyWriter::kNoLabels, {database.datname},
               Decimal::Integer(database.overflow_calls));
      }
      return;
    case FamilyId::kSharedMemoryBytes:
      return Single(Decimal::Integer(snapshot_.shared_memory_bytes));
    case FamilyId::kStackResyncs:
      return Single(Decimal::Integer(snapshot_.stack_resyncs));
    case FamilyId::kUntimedCalls:
      return Single(Decimal::Integer(UntimedCalls(snapshot_)));
    case FamilyId::kClockAnomalies:
      return Single(Decimal::Integer(snapshot_.clock_anomalies));
    case FamilyId::kInternalErrors:
      return Single(Decimal::Integer(snapshot_.internal_errors));
    case FamilyId::kOldestActiveCallStartTimestampSeconds:
      return Single(Decimal::SecondsOfUs(snapshot_.OldestActiveCallUs()));
    case FamilyId::kWorkerStartTimeSeconds:
      return Single(Decimal::SecondsOfUs(worker.started_at_us));
    case FamilyId::kWorkerRestarts:
      return Single(Decimal::Integer(worker.starts > 0 ? worker.starts - 1 : std::uint32_t{0}));
    case FamilyId::kWorkerHeartbeatTimestampSeconds:
      return Single(Decimal::SecondsOfUs(worker.heartbeat_at_us));
    case FamilyId::kWorkerLongestTurnSeconds:
      return Single(Decimal::SecondsOfNs(worker.longest_turn_ns));
    case FamilyId::kHttpListening:
      return Single(Decimal::Integer(worker.listening ? 1 : 0));
    case FamilyId::kHttpBindFailures:
      return Single(Decimal::Integer(worker.bind_failures));
    case FamilyId::kHttpConnections:
      return Single(Decimal::Integer(worker.connections));
    case FamilyId::kHttpRequestsInFlight:
      return Single(Decimal::Integer(worker.requests_in_flight));
    case FamilyId::kHttpRequests:
      for (const snapshot::HttpRequestCount& requests : worker.http_requests) {
        Sample(FamilyWriter::kNoLabels, {requests.path, requests.code},
               Decimal::Integer(requests.count));
      }
      return;
    case FamilyId::kScrapes:
      return Single(Decimal::Integer(worker.scrapes));
    case FamilyId::kScrapeDurationSeconds:
      return Single(Decimal::SecondsOfNs(worker.scrape_duration_ns));
    case FamilyId::kScrapeSeries:
      return Single(Decimal::Integer(worker.scrape_series));
    case FamilyId::kHttpConnectionsRefused:
      return Single(Decimal::Integer(worker.connections_refused));
    case FamilyId::kTlsCertificateNotAfterTimestampSeconds:
      if (worker.certificate_expires_at_us != 0) {
        Single(Decimal::SecondsOfUs(worker.certificate_expires_at_us));
      }
      return;
    case FamilyId::kHealthStatus:
      return StateSet({}, Health().status);
    case FamilyId::kHealthCheckStatus:
      for (const health::Check& check : Health().checks) {
        StateSet({check.name}, check.status);
      }
      return;
    case FamilyId::kSloObjectiveRatio:
    case FamilyId::kSloLatencyThresholdSeconds:
    case FamilyId::kSloEvents:
    case FamilyId::kSloBadEvents:
      for (const shared::SloRecord& slo : snapshot_.slos) {
        WriteSlo(id, slo);
      }
      return;
    case FamilyId::kProbeSuccess:
    case FamilyId::kProbeDurationSeconds:
    case FamilyId::kProbeLastSuccessTimestampSeconds:
      return WriteProbes(id);
    case FamilyId::kProbeIntervalSeconds:
      return Single(Decimal::SecondsOfUs(snapshot_.probe_rounds.interval_ms * 1'000));
    case FamilyId::kProbeLastRoundTimestampSeconds:
      return Single(Decimal::SecondsOfUs(snapshot_.probe_rounds.last_round_us));
    case FamilyId::kProbesSkipped:
      for (std::size_t i = 0; i < shared::kNotProbedReasons.size(); ++i) {
        Sample(FamilyWriter::kNoLabels, {shared::kNotProbedReasons[i]},
               Decimal::Integer(snapshot_.probe_rounds.not_probed[i]));
      }
      return;
    default:
      assert(false && "a family of the server");
  }
}

void FamilyWalk::WriteProbes(FamilyId id) {
  for (const snapshot::ProbedDatabase& database : snapshot_.probed_databases) {
    for (std::size_t i = 0; i < database.results.size(); ++i) {
      const shared::ProbeResult& result = database.results[i];
      const auto value = [&](Decimal number) {
        Sample(FamilyWriter::kNoLabels, {database.datname, shared::kProbeNames[i]}, number);
      };
      const bool passed = result.state == shared::ProbeState::kPassed;
      if (id == FamilyId::kProbeLastSuccessTimestampSeconds) {
        value(Decimal::SecondsOfUs(result.last_success_us));
      } else if (result.state == shared::ProbeState::kNotRun) {
        continue;
      } else if (id == FamilyId::kProbeSuccess) {
        value(Decimal::Integer(passed ? 1 : 0));
      } else {
        value(Decimal::SecondsOfNs(result.duration_ns));
      }
    }
  }
}

void FamilyWalk::Sample(FamilyWriter::LabelSet labels, std::initializer_list<std::string_view> more,
                        Decimal value) {
  samples_ += writer_.Sample(labels, {more.begin(), more.size()}, value);
}

// A sample without labels.
void FamilyWalk::Single(Decimal value) { Sample(FamilyWriter::kNoLabels, {}, value); }

void FamilyWalk::WriteSlo(FamilyId id, const shared::SloRecord& slo) {
  const auto value = [&](Decimal number) { Sample(FamilyWriter::kNoLabels, {slo.name}, number); };
  switch (id) {
    case FamilyId::kSloObjectiveRatio:
      return value(Decimal::Billionths(slo.objective_ppb));
    case FamilyId::kSloLatencyThresholdSeconds:
      if (slo.threshold_ns != 0) {
        value(Decimal::SecondsOfNs(slo.threshold_ns));
      }
      return;
    case FamilyId::kSloEvents:
      return value(Decimal::Integer(slo.total.all));
    default:
      return value(Decimal::Integer(slo.total.bad));
  }
}

// One sample for each status, with it as the last label.
const health::HealthReport& FamilyWalk::Health() {
  if (!health_) {
    health_ = health::MakeReport(snapshot_);
  }
  return *health_;
}

void FamilyWalk::StateSet(std::initializer_list<std::string_view> labels, health::Status status) {
  for (const health::Status one :
       {health::Status::kPass, health::Status::kWarn, health::Status::kFail}) {
    std::vector<std::string_view> all(labels);
    all.emplace_back(health::ToString(one));
    samples_ += writer_.Sample(FamilyWriter::kNoLabels, all, Decimal::Integer(one == status));
  }
}

}  // namespace pg_hello::exposition
