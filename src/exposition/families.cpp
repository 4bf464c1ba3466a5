// The walk over a snapshot, family by family; the only file that knows which member of a snapshot
// belongs to which family.
#include "pg_hello/exposition/families.h"

#include <array>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pg_hello::exposition {
namespace {

using snapshot::FunctionStats;
using snapshot::Snapshot;

// The text in an array that should end with a NUL; if it does not, all of the array.
template <std::size_t kSize>
std::string_view TextOf(const char (&text)[kSize]) {
  return {text, strnlen(text, kSize)};
}

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

// Makes the functions' labels unique.
class LabelGuard {
 public:
  explicit LabelGuard(std::size_t functions) { used_.reserve(functions); }

  // The value for the label `function`; good until the next call.
  std::string_view UniqueFunction(std::string_view datname, std::string_view schema,
                                  const FunctionStats& stats) {
    key_.assign(datname).push_back('\0');
    key_.append(schema).push_back('\0');
    const std::size_t start = key_.size();
    key_.append(TextOf(stats.identity.function));
    if (!used_.insert(key_).second) {
      key_.append("~").append(OidText(stats.key.funcid).view());
      const std::size_t end = key_.size();
      for (std::uint32_t n = 2; !used_.insert(key_).second; ++n) {
        key_.resize(end);
        key_.append("~").append(OidText(n).view());
      }
    }
    return std::string_view(key_).substr(start);
  }

 private:
  std::unordered_set<std::string> used_;
  std::string key_;  // datname, schema and function with a NUL between them
};

class Walk {
 public:
  Walk(const Snapshot& snapshot, FamilyWriter& writer) : snapshot_(snapshot), writer_(writer) {}

  std::size_t Run() {
    AddFunctionLabels();
    Functions();
    Identity();
    Collector();
    Worker();
    writer_.Finish();
    return samples_;
  }

 private:
  void AddFunctionLabels() {
    labels_.reserve(snapshot_.functions.size());
    LabelGuard guard(snapshot_.functions.size());
    for (const FunctionStats& stats : snapshot_.functions) {
      const std::string_view datname = snapshot_.databases.at(stats.database).datname;
      const std::string_view schema = TextOf(stats.identity.schema);
      const std::array<std::string_view, kFunctionLabels.size()> values = {
          datname, schema, guard.UniqueFunction(datname, schema, stats)};
      labels_.push_back(writer_.AddLabelSet(kFunctionLabels, values, stats.stats_since_us));
    }
  }

  void Functions() {
    EachFunction(FamilyId::kFunctionCalls,
                 [](const FunctionStats& f) { return Decimal::Integer(f.calls); });
    EachFunction(FamilyId::kFunctionErrors,
                 [](const FunctionStats& f) { return Decimal::Integer(f.errors); });
    EachFunction(FamilyId::kFunctionCanceled,
                 [](const FunctionStats& f) { return Decimal::Integer(f.canceled); });
    ErrorOrigins();
    EachFunction(FamilyId::kFunctionInclusiveSeconds,
                 [](const FunctionStats& f) { return Decimal::SecondsOfNs(f.inclusive_ns); });
    EachFunction(FamilyId::kFunctionSelfSeconds,
                 [](const FunctionStats& f) { return Decimal::SecondsOfNs(f.self_ns); });
    Durations();
    Iterations();
    EachFunction(FamilyId::kFunctionActive,
                 [](const FunctionStats& f) { return Decimal::Integer(f.active); });
    FunctionInfo();
  }

  void ErrorOrigins() {
    Begin(FamilyId::kFunctionErrorOrigins);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      for (const snapshot::ErrorOrigin& origin : snapshot_.functions[i].error_origins) {
        if (origin.count > 0) {
          Sample(labels_[i], {TextOf(origin.sqlstate_class)}, Decimal::Integer(origin.count));
        }
      }
    }
  }

  void Durations() {
    Begin(FamilyId::kFunctionDurationSeconds);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const FunctionStats& stats = snapshot_.functions[i];
      samples_ +=
          writer_.Histogram(labels_[i], stats.buckets, Decimal::SecondsOfNs(stats.duration_ns));
    }
  }

  void Iterations() {
    Begin(FamilyId::kFunctionIterations);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const std::uint64_t iterations = snapshot_.functions[i].iterations;
      if (iterations > 0) {  // others are not set-returning
        Sample(labels_[i], {}, Decimal::Integer(iterations));
      }
    }
  }

  void FunctionInfo() {
    Begin(FamilyId::kFunctionInfo);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const FunctionStats& stats = snapshot_.functions[i];
      const OidText funcid(stats.key.funcid);
      Sample(labels_[i],
             {funcid.view(), TextOf(stats.identity.language), KindWord(stats.identity.kind),
              TextOf(stats.identity.extension)},
             Decimal::Integer(1));
    }
  }

  void Identity() {
    const snapshot::ServerState& server = snapshot_.server;
    Begin(FamilyId::kBuildInfo);
    Sample(FamilyWriter::kNoLabels, {server.library_version, server.postgres_version},
           Decimal::Integer(1));
    Single(FamilyId::kPostgresInRecovery, Decimal::Integer(server.in_recovery ? 1 : 0));
    Single(FamilyId::kStatsResetTimestampSeconds, Decimal::SecondsOfUs(snapshot_.stats_reset_us));
  }

  void Collector() {
    Single(FamilyId::kTrackedFunctions, Decimal::Integer(snapshot_.functions.size()));
    Single(FamilyId::kTrackedFunctionsLimit, Decimal::Integer(snapshot_.functions_limit));
    Begin(FamilyId::kOverflowCalls);
    for (const snapshot::DatabaseStats& database : snapshot_.databases) {
      Sample(FamilyWriter::kNoLabels, {database.datname},
             Decimal::Integer(database.overflow_calls));
    }
    Single(FamilyId::kSharedMemoryBytes, Decimal::Integer(snapshot_.shared_memory_bytes));
    Single(FamilyId::kStackResyncs, Decimal::Integer(snapshot_.stack_resyncs));
    std::uint64_t untimed = 0;
    for (const FunctionStats& stats : snapshot_.functions) {
      untimed += stats.untimed;
    }
    Single(FamilyId::kUntimedCalls, Decimal::Integer(untimed));
    Single(FamilyId::kClockAnomalies, Decimal::Integer(snapshot_.clock_anomalies));
    Single(FamilyId::kOldestActiveCallStartTimestampSeconds,
           Decimal::SecondsOfUs(snapshot_.OldestActiveCallUs()));
  }

  void Worker() {
    const snapshot::WorkerStats& worker = snapshot_.worker;
    Single(FamilyId::kWorkerStartTimeSeconds, Decimal::SecondsOfUs(worker.started_at_us));
    Single(FamilyId::kWorkerRestarts,
           Decimal::Integer(worker.starts > 0 ? worker.starts - 1 : std::uint32_t{0}));
    Single(FamilyId::kWorkerHeartbeatTimestampSeconds,
           Decimal::SecondsOfUs(worker.heartbeat_at_us));
    Single(FamilyId::kHttpListening, Decimal::Integer(worker.listening ? 1 : 0));
    Single(FamilyId::kHttpBindFailures, Decimal::Integer(worker.bind_failures));
    Single(FamilyId::kHttpConnections, Decimal::Integer(worker.connections));
    Begin(FamilyId::kHttpRequests);
    for (const snapshot::HttpRequestCount& requests : worker.http_requests) {
      Sample(FamilyWriter::kNoLabels, {requests.path, requests.code},
             Decimal::Integer(requests.count));
    }
    Single(FamilyId::kScrapes, Decimal::Integer(worker.scrapes));
    Single(FamilyId::kScrapeDurationSeconds, Decimal::SecondsOfNs(worker.scrape_duration_ns));
    Single(FamilyId::kScrapeSeries, Decimal::Integer(worker.scrape_series));
  }

  void Begin(FamilyId id) { writer_.BeginFamily(GetFamily(id)); }

  void Sample(FamilyWriter::LabelSet labels, std::initializer_list<std::string_view> more,
              Decimal value) {
    writer_.Sample(labels, {more.begin(), more.size()}, value);
    ++samples_;
  }

  // A family of one sample without labels.
  void Single(FamilyId id, Decimal value) {
    Begin(id);
    Sample(FamilyWriter::kNoLabels, {}, value);
  }

  // A family with one sample of each function and no further label.
  template <typename ValueOf>
  void EachFunction(FamilyId id, ValueOf value_of) {
    Begin(id);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      Sample(labels_[i], {}, value_of(snapshot_.functions[i]));
    }
  }

  const Snapshot& snapshot_;
  FamilyWriter& writer_;
  std::vector<FamilyWriter::LabelSet> labels_;  // of each function
  std::size_t samples_ = 0;
};

}  // namespace

std::size_t WriteFamilies(const Snapshot& snapshot, FamilyWriter& writer) {
  return Walk(snapshot, writer).Run();
}

}  // namespace pg_hello::exposition
