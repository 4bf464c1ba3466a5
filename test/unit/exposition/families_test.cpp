// What the walker writes, seen through a writer that only takes notes: no format is involved.
#include "pg_hello/exposition/families.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::kNowUs;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSlo;
using pg_hello::testing::MakeSnapshot;

std::string Format(Decimal value) {
  char text[kMaxDecimalChars];
  return {text, FormatDecimal(value, text)};
}

// Label values joined with "|" -> value; a histogram's value is its sum.
using Samples = std::map<std::string, std::string>;

class NotingWriter final : public FamilyWriter {
 public:
  LabelSet AddLabelSet(std::span<const std::string_view> names,
                       std::span<const std::string_view> values, std::int64_t since_us) override {
    EXPECT_TRUE(
        std::equal(names.begin(), names.end(), kFunctionLabels.begin(), kFunctionLabels.end()));
    sets_.emplace_back(Join("", values));
    since_us_.push_back(since_us);
    return static_cast<LabelSet>(sets_.size() - 1);
  }

  void BeginFamily(const Family& family) override {
    current_ = &family;
    begun_.push_back(family.id);
  }

  std::size_t Sample(LabelSet labels, std::span<const std::string_view> more,
                     Decimal value) override {
    EXPECT_NE(current_->type, FamilyType::kHistogram);
    EXPECT_EQ(current_->labels().size(),
              more.size() + (labels == kNoLabels ? 0 : kFunctionLabels.size()));
    Note(Join(sets_[labels], more), value);
    return 1;
  }

  std::size_t Histogram(LabelSet labels, const snapshot::Buckets&, Decimal sum,
                        bool classic) override {
    EXPECT_EQ(current_->type, FamilyType::kHistogram);
    Note(sets_[labels], sum);
    classic_.push_back(classic);
    return 100;
  }

  void Finish() override { ++finished_; }

  const Samples& Of(FamilyId id) { return families_[id]; }
  const std::vector<FamilyId>& begun() const { return begun_; }
  const std::vector<std::int64_t>& since_us() const { return since_us_; }
  const std::vector<bool>& classic() const { return classic_; }
  int finished() const { return finished_; }
  std::size_t noted() const { return noted_; }

 private:
  static std::string Join(std::string text, std::span<const std::string_view> values) {
    for (const std::string_view value : values) {
      text.append(text.empty() ? "" : "|").append(value);
    }
    return text;
  }

  void Note(const std::string& labels, Decimal value) {
    EXPECT_TRUE(families_[current_->id].emplace(labels, Format(value)).second)
        << current_->name << " twice with " << labels;
    ++noted_;
  }

  std::vector<std::string> sets_ = {""};
  std::vector<std::int64_t> since_us_;
  const Family* current_ = nullptr;
  std::map<FamilyId, Samples> families_;
  std::vector<FamilyId> begun_;
  std::vector<bool> classic_;
  int finished_ = 0;
  std::size_t noted_ = 0;
};

std::size_t WriteFamilies(const snapshot::Snapshot& snapshot, NotingWriter& writer,
                          const Options& options = {}) {
  FamilyWalk walk(snapshot, options, writer);
  EXPECT_TRUE(walk.Step(SIZE_MAX));
  return walk.samples();
}

TEST(FamiliesTest, WritesEveryFamilyOnceInTheOrderOfTheCatalogue) {
  NotingWriter writer;
  WriteFamilies(snapshot::Snapshot{}, writer);
  ASSERT_EQ(writer.begun().size(), kFamilyCount);
  for (std::size_t i = 0; i < kFamilyCount; ++i) {
    EXPECT_EQ(writer.begun()[i], kFamilies[i].id);
  }
  EXPECT_EQ(writer.finished(), 1);
}

TEST(FamiliesTest, ReturnsTheNumberOfSamplesAsTheWriterCountsThem) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(2, "public", "g()"));
  NotingWriter writer;
  const std::size_t samples = WriteFamilies(snapshot, writer);
  EXPECT_EQ(samples, writer.noted() - 2 + 2 * 100);
}

TEST(FamiliesTest, WritesAFunctionsCounters) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot::FunctionStats f = MakeFunction(16'400, "public", "f(integer)");
  f.calls = 10;
  f.errors = 4;
  f.canceled = 1;
  f.inclusive_ns = 1'234'567'890;
  f.self_ns = 234'567'890;
  f.duration_ns = 1'500'000'000;
  f.iterations = 70;
  f.active = 2;
  f.error_origins = {{"22", 3}, {"57", 1}, {"XX", 0}};
  pg_hello::testing::SetText(f.identity.extension, "pg_hello");
  f.identity.kind = 'p';
  snapshot.functions.push_back(f);
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  const std::string labels = "app|public|f(integer)";
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls), (Samples{{labels, "10"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionErrors), (Samples{{labels, "4"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCanceled), (Samples{{labels, "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionInclusiveSeconds), (Samples{{labels, "1.23456789"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionSelfSeconds), (Samples{{labels, "0.23456789"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionDurationSeconds), (Samples{{labels, "1.5"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionIterations), (Samples{{labels, "70"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionActive), (Samples{{labels, "2"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionErrorOrigins),
            (Samples{{labels + "|22", "3"}, {labels + "|57", "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kFunctionInfo),
            (Samples{{labels + "|16400|plpgsql|procedure|pg_hello", "1"}}));
  EXPECT_EQ(writer.since_us(), std::vector<std::int64_t>{f.stats_since_us});
}

TEST(FamiliesTest, NamesEveryKindOfFunction) {
  const std::pair<char, const char*> kinds[] = {{'f', "function"},  {'p', "procedure"},
                                                {'a', "aggregate"}, {'w', "window"},
                                                {'t', "trigger"},   {'?', "unknown"}};
  for (const auto& [kind, word] : kinds) {
    snapshot::Snapshot snapshot = MakeSnapshot();
    snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
    snapshot.functions[0].identity.kind = kind;
    NotingWriter writer;
    WriteFamilies(snapshot, writer);
    EXPECT_TRUE(writer.Of(FamilyId::kFunctionInfo)
                    .contains("app|public|f()|1|plpgsql|" + std::string(word) + "|"));
  }
}

TEST(FamiliesTest, WritesNoIterationsForFunctionsThatReturnOneRow) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_TRUE(writer.Of(FamilyId::kFunctionIterations).empty());
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls).size(), 1U);
}

TEST(FamiliesTest, MakesEqualLabelsUniqueByTheFunctionsOid) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "other", 0});
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(2, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(3, "private", "f()"));
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions.back().database = 1;
  for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
    snapshot.functions[i].calls = i + 1;
  }
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls), (Samples{{"app|public|f()", "1"},
                                                          {"app|public|f()~2", "2"},
                                                          {"app|private|f()", "3"},
                                                          {"other|public|f()", "4"}}));
}

TEST(FamiliesTest, MakesEqualLabelsUniqueEvenIfTheOidIsTaken) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(9, "public", "f()~8"));
  snapshot.functions.push_back(MakeFunction(8, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(7, "public", "f()"));
  for (int i = 0; i < 3; ++i) {  // temporary functions have no oid
    snapshot.functions.push_back(MakeFunction(0, "pg_temp", "f()"));
  }
  NotingWriter writer;  // complains about equal labels
  WriteFamilies(snapshot, writer);
  const Samples& calls = writer.Of(FamilyId::kFunctionCalls);
  for (const char* labels : {"app|public|f()~8", "app|public|f()", "app|public|f()~8~2",
                             "app|pg_temp|f()", "app|pg_temp|f()~0", "app|pg_temp|f()~0~2"}) {
    EXPECT_TRUE(calls.contains(labels)) << labels;
  }
}

// What the functions of a snapshot are called, by their oid.
std::map<std::string, std::string> NamesByFuncid(const snapshot::Snapshot& snapshot) {
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  std::map<std::string, std::string> names;
  for (const auto& [labels, value] : writer.Of(FamilyId::kFunctionInfo)) {
    const std::size_t funcid = labels.find('|', labels.find(')'));
    names.emplace(labels.substr(funcid + 1, labels.find('|', funcid + 1) - funcid - 1),
                  labels.substr(0, funcid));
  }
  return names;
}

TEST(FamiliesTest, ANewcomerNeverChangesAnOlderFunctionsLabels) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(20, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(21, "public", "g()"));
  const auto before = NamesByFuncid(snapshot);
  // It gets a row that was free, before all others, and a restart puts rows in any order.
  snapshot.functions.insert(snapshot.functions.begin(), MakeFunction(30, "public", "f()"));
  do {
    const auto after = NamesByFuncid(snapshot);
    EXPECT_EQ(after.at("20"), before.at("20"));
    EXPECT_EQ(after.at("21"), before.at("21"));
    EXPECT_EQ(after.at("30"), "app|public|f()~30");
  } while (std::next_permutation(
      snapshot.functions.begin(), snapshot.functions.end(),
      [](const auto& a, const auto& b) { return a.key.funcid < b.key.funcid; }));
}

TEST(FamiliesTest, AFunctionHasItsOwnNameAgainWhenTheOlderOneIsGone) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(20, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(30, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(40, "public", "f()"));
  pg_hello::testing::SetText(snapshot.functions[0].identity.function, "renamed()");
  const auto after = NamesByFuncid(snapshot);
  EXPECT_EQ(after.at("20"), "app|public|renamed()");
  EXPECT_EQ(after.at("30"), "app|public|f()");
  EXPECT_EQ(after.at("40"), "app|public|f()~40");
}

TEST(FamiliesTest, ClonesWithoutAPlaceForTheirDatabaseKeepTheirLabelsInAnyOrder) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(20, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(20, "public", "f()"));
  snapshot.functions[1].key.dbid = 6;
  snapshot.functions[1].calls = 1;
  for (int order = 0; order < 2; ++order) {
    NotingWriter writer;
    WriteFamilies(snapshot, writer);
    EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls),
              (Samples{{"app|public|f()", "0"}, {"app|public|f()~20", "1"}}));
    std::swap(snapshot.functions[0], snapshot.functions[1]);
  }
}

TEST(FamiliesTest, DoesNotConfuseNamesThatJoinToTheSameText) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "a", "bc"));
  snapshot.functions.push_back(MakeFunction(2, "ab", "c"));
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls), (Samples{{"app|a|bc", "0"}, {"app|ab|c", "0"}}));
}

TEST(FamiliesTest, SurvivesNamesWithoutAnEnd) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  std::fill(std::begin(snapshot.functions[0].identity.function),
            std::end(snapshot.functions[0].identity.function), 'x');
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_TRUE(writer.Of(FamilyId::kFunctionCalls).contains("app|public|" + std::string(256, 'x')));
}

TEST(FamiliesTest, RefusesAFunctionOfAnUnknownDatabase) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions[0].database = 1;
  NotingWriter writer;
  EXPECT_THROW(WriteFamilies(snapshot, writer), std::out_of_range);
}

TEST(FamiliesTest, WritesTheIdentity) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.server.in_recovery = true;
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kBuildInfo), (Samples{{"1.0|15.20 (Debian 15.20-1)", "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kPostgresInRecovery), (Samples{{"", "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kStatsResetTimestampSeconds), (Samples{{"", "1795407200.5"}}));
}

TEST(FamiliesTest, WritesTheCollectorsStateWithZerosForQuietDatabases) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "other", 42});
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(2, "public", "g()"));
  snapshot.functions[0].untimed = 3;
  snapshot.functions[1].untimed = 4;
  snapshot.stack_resyncs = 5;
  snapshot.clock_anomalies = 6;
  snapshot.internal_errors = 8;
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kTrackedFunctions), (Samples{{"", "2"}}));
  EXPECT_EQ(writer.Of(FamilyId::kTrackedFunctionsLimit), (Samples{{"", "5000"}}));
  EXPECT_EQ(writer.Of(FamilyId::kOverflowCalls), (Samples{{"app", "0"}, {"other", "42"}}));
  EXPECT_EQ(writer.Of(FamilyId::kSharedMemoryBytes), (Samples{{"", "12345678"}}));
  EXPECT_EQ(writer.Of(FamilyId::kStackResyncs), (Samples{{"", "5"}}));
  EXPECT_EQ(writer.Of(FamilyId::kUntimedCalls), (Samples{{"", "7"}}));
  EXPECT_EQ(writer.Of(FamilyId::kClockAnomalies), (Samples{{"", "6"}}));
  EXPECT_EQ(writer.Of(FamilyId::kInternalErrors), (Samples{{"", "8"}}));
}

TEST(FamiliesTest, WritesTheWorkersState) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.starts = 3;
  snapshot.worker.bind_failures = 4;
  snapshot.worker.connections = 5;
  snapshot.worker.scrapes = 6;
  snapshot.worker.scrape_duration_ns = 1'500'000;
  snapshot.worker.scrape_series = 77;
  snapshot.worker.http_requests = {{"/metrics", "200", 6}, {"other", "404", 1}};
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kWorkerStartTimeSeconds), (Samples{{"", "1795407200.5"}}));
  EXPECT_EQ(writer.Of(FamilyId::kWorkerRestarts), (Samples{{"", "2"}}));
  EXPECT_EQ(writer.Of(FamilyId::kWorkerHeartbeatTimestampSeconds),
            (Samples{{"", "1795414400.25"}}));
  EXPECT_EQ(writer.Of(FamilyId::kHttpListening), (Samples{{"", "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kHttpBindFailures), (Samples{{"", "4"}}));
  EXPECT_EQ(writer.Of(FamilyId::kHttpConnections), (Samples{{"", "5"}}));
  EXPECT_EQ(writer.Of(FamilyId::kHttpRequests),
            (Samples{{"/metrics|200", "6"}, {"other|404", "1"}}));
  EXPECT_EQ(writer.Of(FamilyId::kScrapes), (Samples{{"", "6"}}));
  EXPECT_EQ(writer.Of(FamilyId::kScrapeDurationSeconds), (Samples{{"", "0.0015"}}));
  EXPECT_EQ(writer.Of(FamilyId::kScrapeSeries), (Samples{{"", "77"}}));
}

TEST(FamiliesTest, WritesHealthAsStateSets) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.listening = false;
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kHealthStatus),
            (Samples{{"pass", "0"}, {"warn", "1"}, {"fail", "0"}}));
  const Samples checks = writer.Of(FamilyId::kHealthCheckStatus);
  EXPECT_EQ(checks.size(), 9U * 3);
  const auto has = [&checks](const char* labels, const char* value) {
    const auto found = checks.find(labels);
    return found != checks.end() && found->second == value;
  };
  EXPECT_TRUE(has("http:listening|pass", "0"));
  EXPECT_TRUE(has("http:listening|warn", "1"));
  EXPECT_TRUE(has("http:listening|fail", "0"));
  EXPECT_TRUE(has("postgres:status|pass", "1"));
  EXPECT_TRUE(writer.Of(FamilyId::kTlsCertificateNotAfterTimestampSeconds).empty()) << "no TLS";
}

TEST(FamiliesTest, WritesObjectives) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.slos = {MakeSlo("a-b", 999'999'999, 10'000'000), MakeSlo("c", 500'000'000, 0)};
  snapshot.slos[0].total = {7, 2};
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kSloObjectiveRatio),
            (Samples{{"a-b", "0.999999999"}, {"c", "0.5"}}));
  EXPECT_EQ(writer.Of(FamilyId::kSloLatencyThresholdSeconds), (Samples{{"a-b", "0.01"}}));
  EXPECT_EQ(writer.Of(FamilyId::kSloEvents), (Samples{{"a-b", "7"}, {"c", "0"}}));
  EXPECT_EQ(writer.Of(FamilyId::kSloBadEvents), (Samples{{"a-b", "2"}, {"c", "0"}}));
}

TEST(FamiliesTest, WritesSamplesOfEveryFamily) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions[0].iterations = 1;
  snapshot.functions[0].error_origins = {{"22", 1}};
  snapshot.worker.http_requests = {{"/metrics", "200", 6}};
  snapshot.worker.certificate_expires_at_us = kNowUs;
  snapshot.slos = {MakeSlo("a", 999'000'000, 10'000'000)};
  snapshot.probed_databases.push_back(pg_hello::testing::MakeProbed(5, "app"));
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  for (const Family& family : kFamilies) {
    EXPECT_FALSE(writer.Of(family.id).empty()) << family.name;
  }
}

TEST(FamiliesTest, HidesFunctionsWithoutRenamingTheOthers) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(2, "public", "f()"));
  snapshot.functions.push_back(MakeFunction(3, "public", "g()"));
  Options options;
  options.functions = {Exposure::kHidden, Exposure::kWithoutHistogram, Exposure::kFull};
  NotingWriter writer;
  WriteFamilies(snapshot, writer, options);
  EXPECT_EQ(writer.Of(FamilyId::kFunctionCalls),
            (Samples{{"app|public|f()~2", "0"}, {"app|public|g()", "0"}}));
  EXPECT_EQ(writer.classic(), (std::vector<bool>{false, true}));
  EXPECT_EQ(writer.Of(FamilyId::kTrackedFunctions), (Samples{{"", "3"}}));
}

TEST(FamiliesTest, WritesTheSameInStepsOfAnyLength) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  for (std::uint32_t funcid = 1; funcid <= 5; ++funcid) {
    snapshot.functions.push_back(MakeFunction(funcid, "public", "f" + std::to_string(funcid)));
  }
  NotingWriter whole;
  const std::size_t samples = WriteFamilies(snapshot, whole);
  for (std::size_t units = 1; units < 200; units += units < 20 ? 1 : 17) {
    NotingWriter writer;
    const Options options;
    FamilyWalk walk(snapshot, options, writer);
    std::size_t steps = 1;
    for (; !walk.Step(units); ++steps) {
      ASSERT_LT(steps, 1000U);
    }
    EXPECT_TRUE(walk.Step(units)) << "it stays finished";
    EXPECT_EQ(walk.samples(), samples);
    EXPECT_EQ(writer.begun(), whole.begun());
    EXPECT_EQ(writer.finished(), 1);
    for (const Family& family : kFamilies) {
      EXPECT_EQ(writer.Of(family.id), whole.Of(family.id)) << family.name;
    }
    // 5 label sets, 31 families, 9 samples of each function and a histogram of 16 units.
    EXPECT_GE(steps * (units + 15), 5 + 31 + 5 * (9 + 16)) << units;
  }
}

TEST(FamiliesTest, CountsNoRestartBeforeTheFirstStart) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.worker.starts = 0;
  NotingWriter writer;
  WriteFamilies(snapshot, writer);
  EXPECT_EQ(writer.Of(FamilyId::kWorkerRestarts), (Samples{{"", "0"}}));
}

}  // namespace
}  // namespace pg_hello::exposition
