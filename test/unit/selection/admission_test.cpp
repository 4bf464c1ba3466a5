#include "pg_hello/selection/admission.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../exposition/sample_snapshots.h"
#include "support/shared_memory.h"

namespace pg_hello::selection {
namespace {

using pg_hello::testing::IdentityOf;
using pg_hello::testing::Insert;
using pg_hello::testing::kCreatedUs;
using pg_hello::testing::kDbid;
using pg_hello::testing::KeyOf;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;
using pg_hello::testing::SetText;
using pg_hello::testing::SharedMemory;
using pg_hello::testing::TakeSnapshot;

Budget BudgetOf(std::uint32_t functions, std::uint32_t histograms, std::string_view pinned = "") {
  return {functions, histograms, ParsePatterns(pinned).list};
}

snapshot::Snapshot SnapshotOf(std::initializer_list<const char*> functions) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  std::uint32_t funcid = 1;
  for (const char* function : functions) {
    snapshot.functions.push_back(MakeFunction(funcid++, "public", function));
  }
  return snapshot;
}

// The functions that are shown, and those whose histograms are: "a() *b()".
std::string Shown(const snapshot::Snapshot& snapshot, const Budget& budget) {
  const Admission admission = Admit(snapshot, budget);
  EXPECT_EQ(admission.functions.size(), snapshot.functions.size());
  EXPECT_EQ(admission.exported + admission.suppressed, snapshot.functions.size());
  std::string shown;
  std::size_t exported = 0;
  std::size_t histograms = 0;
  for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
    const Admitted& admitted = admission.functions[i];
    exported += admitted.exported() ? 1 : 0;
    histograms += admitted.histogram ? 1 : 0;
    EXPECT_TRUE(admitted.exported() || !admitted.histogram);
    if (admitted.exported()) {
      shown += (shown.empty() ? "" : " ") + std::string(admitted.histogram ? "*" : "") +
               snapshot.functions[i].identity.function;
    }
  }
  EXPECT_EQ(admission.exported, exported);
  EXPECT_EQ(admission.histograms, histograms);
  return shown;
}

TEST(AdmissionTest, TheFirstAreIn) {
  const snapshot::Snapshot snapshot = SnapshotOf({"a()", "b()", "c()", "d()"});
  EXPECT_EQ(Shown(snapshot, BudgetOf(10, 10)), "*a() *b() *c() *d()");
  EXPECT_EQ(Shown(snapshot, BudgetOf(3, 2)), "*a() *b() c()");
  EXPECT_EQ(Shown(snapshot, BudgetOf(2, 10)), "*a() *b()");
  EXPECT_EQ(Shown(snapshot, BudgetOf(0, 0)), "");
  EXPECT_EQ(Shown(SnapshotOf({}), BudgetOf(10, 10)), "");
}

TEST(AdmissionTest, OwnAndPinnedFunctionsAreInAndTakeNothingFromTheBudget) {
  snapshot::Snapshot snapshot = SnapshotOf({"a()", "b()", "own()", "c()", "pinned(text)", "d()"});
  SetText(snapshot.functions[2].identity.extension, "pg_hello");
  SetText(snapshot.functions[5].identity.extension, "pg_hello_other");
  EXPECT_EQ(Shown(snapshot, BudgetOf(2, 1, "public.pinned")), "*a() b() *own() *pinned(text)");
  EXPECT_EQ(Shown(snapshot, BudgetOf(0, 0, "app:public.pinned")), "*own() *pinned(text)");
  EXPECT_EQ(Shown(snapshot, BudgetOf(0, 0, "elsewhere:public.pinned")), "*own()");
  EXPECT_EQ(Admit(snapshot, BudgetOf(1, 1, "*.*")).functions[2].reason, Reason::kOwn);
  EXPECT_EQ(Admit(snapshot, BudgetOf(1, 1, "*.*")).functions[0].reason, Reason::kPinned);
}

// In shared memory, where rows are used again: whoever is in stays in, until it goes itself.
class AdmissionOverTimeTest : public ::testing::Test {
 protected:
  AdmissionOverTimeTest() { stats_->FindOrInsertDatabase(kDbid, testing::NameOf("db")); }

  std::string ShownNow(const Budget& budget) { return Shown(TakeSnapshot(*stats_), budget); }
  void Drop(std::uint32_t funcid) { stats_->Remove(*stats_->Find(KeyOf(funcid))); }

  SharedMemory stats_{shared::Dimensions{50, 1}};
};

TEST_F(AdmissionOverTimeTest, ADropLetsTheNextOneInAndNobodyElseMoves) {
  for (std::uint32_t funcid = 1; funcid <= 5; ++funcid) {
    Insert(*stats_, funcid);
  }
  const Budget budget = BudgetOf(3, 0);
  EXPECT_EQ(ShownNow(budget), "f1() f2() f3()");
  Drop(2);
  EXPECT_EQ(ShownNow(budget), "f1() f3() f4()");
  Insert(*stats_, 6);  // in the row that f2() had
  EXPECT_EQ(ShownNow(budget), "f1() f3() f4()");
  Drop(1);
  Drop(3);
  EXPECT_EQ(ShownNow(budget), "f4() f5() f6()");
}

TEST_F(AdmissionOverTimeTest, ResetAFunctionGivesItsPlaceUp) {
  for (std::uint32_t funcid = 1; funcid <= 4; ++funcid) {
    Insert(*stats_, funcid);
  }
  stats_->Reset(*stats_->Find(KeyOf(1)), kCreatedUs);
  EXPECT_EQ(ShownNow(BudgetOf(3, 0)), "f2() f3() f4()");
  stats_->ResetAll(kCreatedUs);
  EXPECT_EQ(ShownNow(BudgetOf(3, 0)), "f2() f3() f4()");
}

TEST_F(AdmissionOverTimeTest, NobodyWhoIsInLeavesWithoutBeingDroppedOrReset) {
  const Budget budget = BudgetOf(7, 3);
  std::mt19937 random(4);
  std::set<std::uint32_t> live;
  std::map<std::uint32_t, Admitted> before;
  for (int step = 0; step < 2'000; ++step) {
    const std::uint32_t funcid = 1 + random() % 40;
    bool moves = false;
    if (!live.contains(funcid)) {
      Insert(*stats_, funcid);
      live.insert(funcid);
    } else if (random() % 3 > 0) {
      Drop(funcid);
      live.erase(funcid);
      moves = true;
    } else if (random() % 4 == 0) {
      stats_->Reset(*stats_->Find(KeyOf(funcid)), kCreatedUs);
      moves = true;
    }
    const snapshot::Snapshot snapshot = TakeSnapshot(*stats_);
    const Admission admission = Admit(snapshot, budget);
    std::map<std::uint32_t, Admitted> now;
    for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
      now[snapshot.functions[i].key.funcid] = admission.functions[i];
    }
    ASSERT_EQ(admission.exported, std::min<std::size_t>(7, live.size()));
    for (const auto& [other, admitted] : before) {
      if (other != funcid || !moves) {
        ASSERT_GE(now[other].exported(), admitted.exported()) << step;
        ASSERT_GE(now[other].histogram, admitted.histogram) << step;
      }
    }
    before = now;
  }
}

}  // namespace
}  // namespace pg_hello::selection
