// Bodies in steps: the same bytes whatever the steps are.
#include "pg_hello/exposition/renderer.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "pg_hello/exposition/text_format.h"
#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;

std::shared_ptr<const snapshot::Snapshot> ManyFunctions() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  for (std::uint32_t funcid = 1; funcid <= 40; ++funcid) {
    snapshot.functions.push_back(MakeFunction(funcid, "public", "f" + std::to_string(funcid)));
    pg_hello::testing::AddCall(snapshot.functions.back(), funcid * 1'000'000ULL);
  }
  return std::make_shared<const snapshot::Snapshot>(std::move(snapshot));
}

TEST(RendererTest, RendersTheTextThatSqlShows) {
  const auto snapshot = ManyFunctions();
  std::size_t samples = 0;
  const std::string text = RenderText(*snapshot, &samples);
  Renderer renderer(snapshot, Format::kText, {});
  EXPECT_TRUE(renderer.Step(SIZE_MAX));
  EXPECT_EQ(renderer.samples(), samples);
  EXPECT_EQ(renderer.TakeBody(), text);
  EXPECT_EQ(renderer.TakeBody(), "");
}

TEST(RendererTest, RendersTheSameInStepsOfAnyLength) {
  const auto snapshot = ManyFunctions();
  for (const Format format : {Format::kText, Format::kOpenMetrics, Format::kProtobuf}) {
    Renderer whole(snapshot, format, {});
    EXPECT_TRUE(whole.Step(SIZE_MAX));
    const std::string expected = whole.TakeBody();
    for (const std::size_t units : {1, 2, 7, 100}) {
      Renderer at_the_end(snapshot, format, {});
      Renderer in_pieces(snapshot, format, {});
      std::string joined;
      bool finished = false;
      while (!finished) {
        finished = at_the_end.Step(units);
        EXPECT_EQ(in_pieces.Step(units), finished);
        joined += in_pieces.TakeBody();
      }
      EXPECT_EQ(joined, expected) << units;
      EXPECT_EQ(at_the_end.TakeBody(), expected) << units;
      EXPECT_EQ(at_the_end.samples(), whole.samples());
    }
  }
}

// The same functions, which have been called since.
std::shared_ptr<const snapshot::Snapshot> Later(const snapshot::Snapshot& earlier) {
  snapshot::Snapshot later = earlier;
  for (snapshot::FunctionStats& function : later.functions) {
    pg_hello::testing::AddCall(function, 77'000'000);
  }
  return std::make_shared<const snapshot::Snapshot>(std::move(later));
}

TEST(RendererTest, ABodyAfterAnotherIsTheSameAsAFirstOne) {
  snapshot::Snapshot first = *ManyFunctions();
  first.functions[3].identity = first.functions[2].identity;  // one is marked
  first.series_version = 1;
  snapshot::Snapshot renamed = *Later(first);
  pg_hello::testing::SetText(renamed.functions[1].identity.function, "renamed()");
  renamed.functions[5].stats_since_us += 1'000'000;
  renamed.functions.pop_back();
  renamed.series_version = 2;
  snapshot::Snapshot unknown = renamed;
  unknown.functions.erase(unknown.functions.begin());
  unknown.series_version = 0;
  const std::shared_ptr<const snapshot::Snapshot> snapshots[] = {
      std::make_shared<const snapshot::Snapshot>(first),   Later(first),
      std::make_shared<const snapshot::Snapshot>(renamed), Later(renamed),
      std::make_shared<const snapshot::Snapshot>(unknown), ManyFunctions()};
  for (const Format format : {Format::kText, Format::kOpenMetrics, Format::kProtobuf}) {
    IdleRenderers idle;
    for (const auto& snapshot : snapshots) {
      // Also of functions that the body before left out.
      for (const std::size_t hidden : {2, 3, 0}) {
        Options options;
        options.functions.assign(snapshot->functions.size(), Exposure::kFull);
        options.functions[hidden] = Exposure::kHidden;
        Renderer fresh(snapshot, format, options);
        std::unique_ptr<Renderer> used = idle.Begin(snapshot, format, options);
        while (!used->Step(100)) {
        }
        EXPECT_TRUE(fresh.Step(SIZE_MAX));
        EXPECT_EQ(used->samples(), fresh.samples());
        EXPECT_EQ(used->TakeBody(), fresh.TakeBody());
        idle.Keep(std::move(used));
      }
    }
  }
}

TEST(RendererTest, LetsGoOfTheSnapshotAtTheEnd) {
  auto snapshot = ManyFunctions();
  const std::weak_ptr<const snapshot::Snapshot> watched = snapshot;
  Renderer renderer(std::move(snapshot), Format::kText, {});
  EXPECT_TRUE(renderer.Step(SIZE_MAX));
  EXPECT_TRUE(watched.expired());
  EXPECT_GT(renderer.samples(), 0U);
  EXPECT_TRUE(renderer.Step(1)) << "it stays finished";
}

TEST(RendererTest, NeverMovesATextThatItHoldsWhole) {
  const auto snapshot = ManyFunctions();
  EXPECT_GE(TextLength(*snapshot, {}), RenderText(*snapshot, nullptr).size());
  Renderer openmetrics(snapshot, Format::kOpenMetrics, {});
  EXPECT_TRUE(openmetrics.Step(SIZE_MAX));
  EXPECT_GE(TextLength(*snapshot, {}), openmetrics.TakeBody().size());
}

TEST(RendererTest, ReservesNothingForFamiliesThatAreNotShown) {
  const auto snapshot = ManyFunctions();
  Options options;
  options.hidden_families.set();
  options.hidden_families.reset(static_cast<std::size_t>(FamilyId::kFunctionSelfSeconds));
  const std::size_t reserved = TextLength(*snapshot, options);
  EXPECT_LT(reserved, TextLength(*snapshot, {}) / 4);
  Renderer renderer(snapshot, Format::kOpenMetrics, options);
  EXPECT_TRUE(renderer.Step(SIZE_MAX));
  EXPECT_GE(reserved, renderer.TakeBody().size());
}

TEST(RendererTest, KeepsTheSnapshotUntilTheEnd) {
  auto snapshot = ManyFunctions();
  const std::weak_ptr<const snapshot::Snapshot> watched = snapshot;
  {
    Renderer renderer(std::move(snapshot), Format::kText, {});
    EXPECT_FALSE(renderer.Step(1));
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(RendererTest, RefusesASnapshotThatContradictsItself) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(MakeFunction(1, "public", "f()"));
  snapshot.functions[0].database = 1;
  const auto shared = std::make_shared<const snapshot::Snapshot>(snapshot);
  EXPECT_THROW(Renderer(shared, Format::kText, {}).Step(SIZE_MAX), std::out_of_range);
}

}  // namespace
}  // namespace pg_hello::exposition
