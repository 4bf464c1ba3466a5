#include "pg_hello/pending/call_stack.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "support/shared_memory.h"

namespace pg_hello::pending {
namespace {

using ::pg_hello::testing::FakeClock;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::SharedMemory;
using ::pg_hello::testing::TrackedRef;

constexpr std::uintptr_t kBase = 0x7fff'0000'0000;

// How the shell calls the stack: by Begin() and End() alone, or by the common case's way first.
enum class Way { kGeneral, kCommonFirst };

class CallStackTest : public ::testing::TestWithParam<Way> {
 protected:
  CallStackTest() : frames_(std::make_unique<CallFrames>()) {
    for (std::uint32_t i = 0; i < refs_.size(); ++i) {
      refs_[i] = TrackedRef(*stats_, Insert(*stats_, i + 1));
    }
    stack_.Attach(stats_.get(), &slot(), frames_.get(), reinterpret_cast<const void*>(kBase));
    stack_.set_clock({&now_});
  }

  shared::BackendSlot& slot() { return stats_->slot(1); }

  // A call of `ref` at call site number `site`, `below` bytes below the base of the stack.
  bool Begin(std::size_t site, FunctionRef* ref, std::uintptr_t below) {
    return BeginAt(site, ref, kBase - below);
  }
  bool BeginAt(std::size_t site, FunctionRef* ref, std::uintptr_t address) {
    const void* stack_address = reinterpret_cast<const void*>(address);
    return (GetParam() == Way::kCommonFirst && ref != nullptr &&
            stack_.TryBegin(&sites_.at(site), ref, stack_address)) ||
           stack_.Begin(&sites_.at(site), ref, stack_address);
  }
  FunctionRef* End(std::size_t site) {
    if (FunctionRef* ref = stack_.Ending(&sites_.at(site));
        GetParam() == Way::kCommonFirst && ref != nullptr && stack_.IsQuick()) {
      sample_ = stack_.EndAt(*ref, stack_.QuickNow());
      return ref;
    }
    return stack_.End(&sites_.at(site), &sample_);
  }

  void ExpectSample(std::uint64_t elapsed, std::uint64_t self, bool outermost) {
    EXPECT_EQ(sample_.elapsed_ns, elapsed);
    EXPECT_EQ(sample_.self_ns, self);
    EXPECT_EQ(sample_.outermost, outermost);
  }

  std::uint64_t now_ = 1'000'000;
  SharedMemory stats_;
  std::unique_ptr<CallFrames> frames_;
  std::array<FunctionRef, 6> refs_{};
  std::array<char, 20'000> sites_{};
  CallStack<FakeClock> stack_;
  shared::CallSample sample_{};
};

TEST_P(CallStackTest, ALoneCallHasItsTimeToItself) {
  EXPECT_TRUE(Begin(0, &refs_[0], 100));
  EXPECT_EQ(refs_[0].active, 1U);
  now_ += 70;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(70, 70, true);
  EXPECT_EQ(refs_[0].active, 0U);
  EXPECT_EQ(stack_.depth(), 0U);
}

TEST_P(CallStackTest, ACalleesTimeIsNotItsCallersOwn) {
  Begin(0, &refs_[0], 100);
  now_ += 5;
  Begin(1, &refs_[1], 200);
  now_ += 30;
  EXPECT_EQ(End(1), &refs_[1]);
  ExpectSample(30, 30, true);
  now_ += 2;
  Begin(2, &refs_[2], 200);
  now_ += 11;
  End(2);
  now_ += 1;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(49, 8, true);
}

TEST_P(CallStackTest, AGrandchildsTimeIsTakenFromItsParentOnce) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  Begin(1, &refs_[1], 200);
  now_ += 10;
  Begin(2, &refs_[2], 300);
  now_ += 100;
  End(2);
  ExpectSample(100, 100, true);
  End(1);
  ExpectSample(110, 10, true);
  End(0);
  ExpectSample(111, 1, true);
}

TEST_P(CallStackTest, OfRecursiveActivationsOnlyTheFirstIsOutermost) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  Begin(1, &refs_[0], 200);
  now_ += 10;
  Begin(2, &refs_[1], 300);
  Begin(3, &refs_[0], 400);
  EXPECT_EQ(refs_[0].active, 3U);
  now_ += 100;
  End(3);
  ExpectSample(100, 100, false);
  End(2);
  ExpectSample(100, 0, true);
  End(1);
  ExpectSample(110, 10, false);
  End(0);
  ExpectSample(111, 1, true);
}

TEST_P(CallStackTest, ASiteThatCallsItselfEndsItsInnermostCallFirst) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  Begin(0, &refs_[0], 200);
  now_ += 10;
  End(0);
  ExpectSample(10, 10, false);
  End(0);
  ExpectSample(11, 1, true);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
}

TEST_P(CallStackTest, UntrackedFramesPassTheirChildrensTimeOnAndKeepTheirOwnForTheCaller) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  EXPECT_TRUE(Begin(1, nullptr, 200));
  now_ += 10;
  Begin(2, &refs_[1], 300);
  now_ += 100;
  End(2);
  ExpectSample(100, 100, true);
  now_ += 1'000;
  EXPECT_EQ(End(1), nullptr);
  End(0);
  ExpectSample(1'111, 1'011, true);
}

TEST_P(CallStackTest, WhenTheOuterCallEndsAnInnerOneWithoutEndIsDropped) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  Begin(1, &refs_[1], 200);
  Begin(2, nullptr, 300);
  now_ += 10;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(11, 11, true);
  EXPECT_EQ(refs_[1].active, 0U);
  EXPECT_EQ(stack_.depth(), 0U);
  EXPECT_EQ(slot().depth, 0U);
  EXPECT_EQ(stats_->stack_resyncs, 2U);
}

TEST_P(CallStackTest, ADroppedCallLeavesItsCalleesTimeWithThem) {
  Begin(0, &refs_[0], 100);
  now_ += 1;
  Begin(1, &refs_[1], 200);
  now_ += 10;
  Begin(2, &refs_[2], 300);
  now_ += 100;
  End(2);
  ExpectSample(100, 100, true);
  End(0);
  ExpectSample(111, 11, true);
}

TEST_P(CallStackTest, TheEndOfAnUnknownSiteIsIgnored) {
  EXPECT_EQ(End(5), nullptr);
  Begin(0, &refs_[0], 100);
  now_ += 10;
  EXPECT_EQ(End(5), nullptr);
  EXPECT_EQ(stack_.depth(), 1U);
  EXPECT_EQ(stats_->stack_resyncs, 2U);
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(10, 10, true);
}

TEST_P(CallStackTest, FramesThatCannotBeAliveAreDroppedWhenACallBeginsAboveThem) {
  Begin(0, &refs_[0], 100);
  Begin(1, &refs_[1], 200);
  Begin(2, &refs_[2], 300);
  Begin(3, &refs_[3], 150);
  EXPECT_EQ(stack_.depth(), 2U);
  EXPECT_EQ(slot().depth, 2U);
  EXPECT_EQ(refs_[0].active, 1U);
  EXPECT_EQ(refs_[1].active, 0U);
  EXPECT_EQ(refs_[2].active, 0U);
  EXPECT_EQ(stats_->stack_resyncs, 2U);
  now_ += 10;
  End(3);
  ExpectSample(10, 10, true);
  End(0);
  ExpectSample(10, 0, true);
}

TEST_P(CallStackTest, AFrameAtTheSameAddressIsDroppedToo) {
  Begin(0, &refs_[0], 100);
  Begin(1, &refs_[1], 200);
  Begin(2, &refs_[2], 200);
  EXPECT_EQ(stack_.depth(), 2U);
  EXPECT_EQ(refs_[1].active, 0U);
  EXPECT_EQ(stats_->stack_resyncs, 1U);
}

TEST_P(CallStackTest, FramesAreNotDroppedWhenCallsGoDeeper) {
  for (std::size_t i = 0; i < 1'000; ++i) {
    Begin(i, &refs_[0], 100 + 16 * i);
  }
  EXPECT_EQ(stack_.depth(), 1'000U);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
}

TEST_P(CallStackTest, ACallOnAnotherStackDropsNothingOfTheMainOne) {
  Begin(0, &refs_[0], 100);
  BeginAt(1, &refs_[1], kBase + 4'096);
  BeginAt(2, &refs_[2], kBase + 8'192);
  EXPECT_EQ(stack_.depth(), 3U);
  End(2);
  End(1);
  EXPECT_EQ(End(0), &refs_[0]);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
}

TEST_P(CallStackTest, AFrameOnAnotherStackIsNeverTakenForDead) {
  Begin(0, &refs_[0], 200);
  BeginAt(1, &refs_[1], kBase - kMaxStackBytes - 4'096);
  Begin(2, &refs_[2], 100);
  EXPECT_EQ(stack_.depth(), 3U);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
}

TEST_P(CallStackTest, TheLowestAddressOfTheMainStackIsStillCompared) {
  Begin(0, &refs_[0], kMaxStackBytes - 1);
  Begin(1, &refs_[1], 0);
  EXPECT_EQ(stack_.depth(), 1U);
  EXPECT_EQ(stats_->stack_resyncs, 1U);
}

TEST_P(CallStackTest, CallsDeeperThanTheStackAreNotTimedAndTheRestIsRight) {
  for (std::uint32_t i = 0; i < kMaxDepth; ++i) {
    ASSERT_TRUE(Begin(i, &refs_[i % 2], 100 + i));
    now_ += 1;
  }
  for (std::uint32_t i = kMaxDepth; i < kMaxDepth + 3; ++i) {
    ASSERT_FALSE(Begin(i, &refs_[2], 100 + i));
    now_ += 1;
  }
  EXPECT_EQ(stack_.depth(), kMaxDepth);
  EXPECT_EQ(slot().depth, kMaxDepth);
  EXPECT_EQ(refs_[2].active, 0U);
  EXPECT_EQ(refs_[0].active + refs_[1].active, kMaxDepth);
  for (std::uint32_t i = kMaxDepth + 3; i-- > kMaxDepth;) {
    ASSERT_EQ(End(i), nullptr);
  }
  for (std::uint32_t i = kMaxDepth; i-- > 0;) {
    ASSERT_EQ(End(i), &refs_[i % 2]);
    ASSERT_EQ(sample_.elapsed_ns, kMaxDepth - i + 3);
    ASSERT_EQ(sample_.self_ns, i == kMaxDepth - 1 ? 4U : 1U);
    ASSERT_EQ(sample_.outermost, i < 2);
  }
  EXPECT_EQ(stack_.depth(), 0U);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
}

TEST_P(CallStackTest, AStackThatWasTooDeepRecoversFromAnEndThatNeverCame) {
  for (std::uint32_t i = 0; i < kMaxDepth + 2; ++i) {
    Begin(i, &refs_[0], 100 + i);
  }
  now_ += 10;
  // Of all calls but the outermost two nobody says a word.
  Begin(19'000, &refs_[1], 102);
  EXPECT_EQ(stack_.depth(), 3U);
  now_ += 5;
  EXPECT_EQ(End(19'000), &refs_[1]);
  ExpectSample(5, 5, true);
  EXPECT_EQ(End(1), &refs_[0]);
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(15, 0, true);
}

TEST_P(CallStackTest, ANegativeDurationIsCountedAsAnAnomalyAndAsNoTime) {
  Begin(0, &refs_[0], 100);
  now_ -= 10;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(0, 0, true);
  EXPECT_EQ(stats_->clock_anomalies, 1U);
}

TEST_P(CallStackTest, ACallIsNeverShorterThanItsCallees) {
  Begin(0, &refs_[0], 100);
  now_ += 10;
  Begin(1, &refs_[1], 200);
  now_ += 100;
  End(1);
  now_ -= 50;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(100, 0, true);
  EXPECT_EQ(stats_->clock_anomalies, 1U);
}

TEST_P(CallStackTest, OpenCallsAreShownInTheSlot) {
  now_ = 500;
  Begin(0, &refs_[0], 100);
  now_ = 600;
  Begin(1, nullptr, 200);
  now_ = 700;
  Begin(2, &refs_[1], 300);
  FunctionRef unknown{};
  Begin(3, &unknown, 400);
  EXPECT_EQ(slot().depth, 4U);
  EXPECT_EQ(slot().active[0].function, shared::MakeRowEpoch(0, refs_[0].epoch));
  EXPECT_EQ(slot().active[0].start_ticks, 500U);
  EXPECT_EQ(slot().active[1].function, 0U);
  EXPECT_EQ(slot().active[2].function, shared::MakeRowEpoch(1, refs_[1].epoch));
  EXPECT_EQ(slot().active[2].start_ticks, 700U);
  EXPECT_EQ(slot().active[3].function, 0U);
  End(3);
  EXPECT_EQ(slot().depth, 3U);
}

TEST_P(CallStackTest, CallsBeyondTheVisibleDepthAreTimedButNotShown) {
  for (std::size_t i = 0; i < shared::kVisibleDepth + 10; ++i) {
    Begin(i, &refs_[0], 100 + i);
  }
  EXPECT_EQ(slot().depth, shared::kVisibleDepth + 10);
  for (const auto& owner : slot().owner) {
    EXPECT_EQ(owner, 0U) << "what lies behind the visible calls is untouched";
  }
  now_ += 5;
  EXPECT_EQ(End(shared::kVisibleDepth + 9), &refs_[0]);
  ExpectSample(5, 5, false);
}

TEST_P(CallStackTest, EndAllEndsEveryCallInnermostFirst) {
  for (std::uint32_t i = 0; i < kMaxDepth + 5; ++i) {
    Begin(i, i % 3 == 0 ? nullptr : &refs_[i % 2], 100 + i);
  }
  now_ += 7;
  std::uint32_t ended = 0;
  std::uint64_t self_ns = 0;
  stack_.EndAll([&](const void*, FunctionRef&, const shared::CallSample& sample) {
    ++ended;
    self_ns += sample.self_ns;
  });
  EXPECT_EQ(ended, kMaxDepth - (kMaxDepth + 2) / 3) << "all but those that are untracked";
  EXPECT_EQ(self_ns, 7U);
  EXPECT_EQ(stack_.depth(), 0U);
  EXPECT_EQ(slot().depth, 0U);
  EXPECT_EQ(refs_[0].active, 0U);
  EXPECT_EQ(refs_[1].active, 0U);
  Begin(0, &refs_[0], 100);
  now_ += 3;
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(3, 3, true);
}

// Random trees of calls; some calls are untracked, and if so wanted some never end (not the first).
class CallTree {
 public:
  CallTree(CallStack<FakeClock>& stack, std::array<FunctionRef, 6>& refs, std::uint64_t& now,
           unsigned seed, bool lose_ends)
      : stack_(stack), refs_(refs), now_(now), random_(seed), lose_ends_(lose_ends) {}

  void Call(std::uint32_t depth, bool inside_tracked) {
    const bool tracked = random_() % 4 != 0 || (lose_ends_ && depth == 0);
    FunctionRef* ref = tracked ? &refs_[random_() % refs_.size()] : nullptr;
    const char* site = &sites_[depth];
    Spend();
    stack_.Begin(site, ref, reinterpret_cast<const void*>(kBase - 100 - depth * 100));
    const bool loses_end = lose_ends_ && depth > 0 && random_() % 8 == 0;
    Spend();
    while (depth < 12 && random_() % 100 < 62) {
      Call(depth + 1, inside_tracked || ref != nullptr);
      Spend();
    }
    if (loses_end) {
      return;
    }
    shared::CallSample sample{};
    ASSERT_EQ(stack_.End(site, &sample), ref);
    if (ref != nullptr) {
      ++calls_;
      self_ns_ += sample.self_ns;
      if (!inside_tracked) {
        top_ns_ += sample.elapsed_ns;
      }
    }
  }

  std::uint64_t calls() const { return calls_; }
  std::uint64_t self_ns() const { return self_ns_; }
  std::uint64_t top_ns() const { return top_ns_; }

 private:
  void Spend() { now_ += random_() % 1'000; }

  CallStack<FakeClock>& stack_;
  std::array<FunctionRef, 6>& refs_;
  std::uint64_t& now_;
  std::mt19937 random_;
  bool lose_ends_;
  std::array<char, 64> sites_{};
  std::uint64_t calls_ = 0;
  std::uint64_t self_ns_ = 0;
  std::uint64_t top_ns_ = 0;
};

TEST_P(CallStackTest, SelfTimesSumToTheInclusiveTimeOfTheOutermostCall) {
  stack_.set_clock({&now_, 1'444'444'444});  // 0.336... ns a tick: every duration is rounded
  std::uint64_t calls = 0;
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    CallTree tree(stack_, refs_, now_, seed, /*lose_ends=*/false);
    tree.Call(0, false);
    ASSERT_EQ(tree.self_ns(), tree.top_ns()) << "seed " << seed;
    ASSERT_EQ(stack_.depth(), 0U);
    calls += tree.calls();
  }
  EXPECT_GT(calls, 5'000U);
  EXPECT_EQ(stats_->stack_resyncs, 0U);
  EXPECT_EQ(stats_->clock_anomalies, 0U);
}

TEST_P(CallStackTest, SelfTimesSumToTheInclusiveTimeAlsoWhenEndsAreMissed) {
  stack_.set_clock({&now_, 1'444'444'444});
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    CallTree tree(stack_, refs_, now_, seed, /*lose_ends=*/true);
    tree.Call(0, false);
    ASSERT_EQ(tree.self_ns(), tree.top_ns()) << "seed " << seed;
    ASSERT_EQ(stack_.depth(), 0U);
  }
  EXPECT_GT(stats_->stack_resyncs, 100U);
  EXPECT_EQ(stats_->clock_anomalies, 0U);
}

TEST_P(CallStackTest, TheCommonWayIsOnlyForWhatNeedsNoMore) {
  const auto at = [](std::uintptr_t below) { return reinterpret_cast<const void*>(kBase - below); };
  ASSERT_TRUE(stack_.TryBegin(&sites_[0], &refs_[0], at(100)));
  EXPECT_FALSE(stack_.TryBegin(&sites_[1], &refs_[1], at(100))) << "frames must be dropped first";
  EXPECT_EQ(stack_.Ending(&sites_[1]), nullptr) << "another call is the innermost";
  ASSERT_TRUE(stack_.Begin(&sites_[1], nullptr, at(200)));
  EXPECT_EQ(stack_.Ending(&sites_[1]), nullptr) << "it is not tracked";
  EXPECT_EQ(stack_.depth(), 2U);
  EXPECT_EQ(refs_[1].active, 0U);
}

TEST_P(CallStackTest, TheCommonWayIsOnlyForDepthsThatOthersCanSee) {
  for (std::size_t i = 0; i < shared::kVisibleDepth; ++i) {
    ASSERT_TRUE(stack_.TryBegin(&sites_[i], &refs_[0], reinterpret_cast<const void*>(kBase - i)));
  }
  EXPECT_FALSE(stack_.TryBegin(&sites_[99], &refs_[0], reinterpret_cast<const void*>(kBase - 99)));
  EXPECT_EQ(refs_[0].active, shared::kVisibleDepth);
}

TEST_P(CallStackTest, TheCommonWayIsOnlyForAQuickClock) {
  stack_.set_clock({&now_, std::uint64_t{1} << 32, false});
  EXPECT_FALSE(stack_.TryBegin(&sites_[0], &refs_[0], reinterpret_cast<const void*>(kBase - 1)));
  Begin(0, &refs_[0], 100);
  now_ += 70;
  EXPECT_FALSE(stack_.IsQuick());
  EXPECT_EQ(End(0), &refs_[0]);
  ExpectSample(70, 70, true);
}

// Remembers how many calls others were shown when it was read.
struct SpyClock : FakeClock {
  const shared::BackendSlot* slot = nullptr;
  std::uint32_t* depth_when_read = nullptr;

  std::uint64_t Now() const {
    *depth_when_read = slot->depth;
    return *ticks;
  }
  std::uint64_t QuickNow() const { return Now(); }
};

TEST(CallStackSpyTest, ACallIsShownOnlyWhenItsStartIsKnown) {
  const SharedMemory stats;
  const auto frames = std::make_unique<CallFrames>();
  FunctionRef ref = TrackedRef(*stats, Insert(*stats, 1));
  std::uint64_t now = 1;
  std::uint32_t depth = 99;
  CallStack<SpyClock> stack;
  SpyClock clock;
  clock.ticks = &now;
  clock.slot = &stats->slot(1);
  clock.depth_when_read = &depth;
  stack.Attach(stats.get(), &stats->slot(1), frames.get(), reinterpret_cast<const void*>(kBase));
  stack.set_clock(clock);
  ASSERT_TRUE(stack.TryBegin("a", &ref, reinterpret_cast<const void*>(kBase - 1)));
  EXPECT_EQ(depth, 0U);
  EXPECT_EQ(stats->slot(1).depth, 1U);
  ASSERT_TRUE(stack.Begin("b", &ref, reinterpret_cast<const void*>(kBase - 2)));
  EXPECT_EQ(depth, 1U);
  EXPECT_EQ(stats->slot(1).depth, 2U);
}

TEST(DetachedCallStackTest, NoCallEnds) {
  CallStack<FakeClock> stack;
  int site = 0;
  EXPECT_FALSE(stack.attached());
  EXPECT_EQ(stack.Ending(&site), nullptr);
}

INSTANTIATE_TEST_SUITE_P(, CallStackTest, ::testing::Values(Way::kGeneral, Way::kCommonFirst),
                         [](const auto& info) {
                           return info.param == Way::kGeneral ? "General" : "CommonFirst";
                         });

}  // namespace
}  // namespace pg_hello::pending
