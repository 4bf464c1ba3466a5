// Windows over running totals, at the pace at which somebody looks.
#include "pg_hello/measure/event_ring.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace pg_hello::measure {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kFive = 5 * kMinute;
constexpr std::int64_t kHour = 60 * kMinute;

class EventRingTest : public ::testing::Test {
 protected:
  // A look every 5 s until `until_ms`, with so many events each.
  void Run(std::int64_t until_ms, std::uint64_t all, std::uint64_t bad) {
    while (now_ms_ < until_ms) {
      now_ms_ += 5'000;
      running_.all += all;
      running_.bad += bad;
      ring_.Add(now_ms_, running_);
    }
  }

  EventRing ring_{};
  std::int64_t now_ms_ = 1'000'000'000;
  const std::int64_t start_ms_ = now_ms_;
  Events running_{};
};

TEST_F(EventRingTest, HasNothingToSayBeforeTheSecondLook) {
  EXPECT_EQ(ring_.Over(kFive), Window{});
  ring_.Add(now_ms_, {1'000, 10});
  EXPECT_EQ(ring_.Over(kFive), Window{}) << "of what was before it knows nothing";
  ring_.Add(now_ms_ + 5'000, {1'003, 11});
  EXPECT_EQ(ring_.Over(kFive), (Window{{3, 1}, 5'000}));
}

TEST_F(EventRingTest, AYoungRingCoversWhatThereIs) {
  ring_.Add(now_ms_, running_);
  Run(start_ms_ + kMinute, 10, 1);
  EXPECT_EQ(ring_.Over(kFive), (Window{{120, 12}, kMinute}));
  EXPECT_EQ(ring_.Over(kHour), ring_.Over(kFive));
}

TEST_F(EventRingTest, ForgetsWhatIsOlderThanTheWindow) {
  ring_.Add(now_ms_, running_);
  Run(start_ms_ + kHour, 10, 10);
  Run(start_ms_ + 2 * kHour, 10, 0);
  const Window five = ring_.Over(kFive);
  EXPECT_EQ(five.events.bad, 0U);
  EXPECT_GE(five.covered_ms, kFive);
  EXPECT_LE(five.covered_ms, kFive + EventRing::kStepMs);
  EXPECT_EQ(five.events.all, static_cast<std::uint64_t>(five.covered_ms) / 5'000 * 10);
  const Window hour = ring_.Over(kHour);
  EXPECT_GE(hour.covered_ms, kHour);
  EXPECT_LE(hour.covered_ms, kHour + EventRing::kStepMs);
  EXPECT_LE(hour.events.bad, 40U) << "a step of the hour before";
  Run(start_ms_ + 2 * kHour + kMinute, 10, 0);
  EXPECT_EQ(ring_.Over(kHour).events.bad, 0U);
}

TEST_F(EventRingTest, AnIdleWindowHasNoEvents) {
  ring_.Add(now_ms_, running_);
  Run(start_ms_ + kMinute, 10, 1);
  Run(start_ms_ + 10 * kMinute, 0, 0);
  EXPECT_EQ(ring_.Over(kFive).events, Events{});
  EXPECT_GE(ring_.Over(kFive).covered_ms, kFive);
  EXPECT_EQ(ring_.Over(kHour).events, (Events{120, 12}));
}

TEST_F(EventRingTest, WhatFellIntoAGapIsInNoWindowThatBeginsAfterIt) {
  ring_.Add(now_ms_, running_);
  Run(start_ms_ + kMinute, 10, 0);
  now_ms_ += 20 * kMinute;  // the process was stopped
  Run(now_ms_ + 5'000, 5'000, 5'000);
  EXPECT_EQ(ring_.Over(kFive), Window{});
  EXPECT_EQ(ring_.Over(kHour).events, (Events{5'120, 5'000}));
  Run(now_ms_ + kMinute, 10, 1);
  EXPECT_EQ(ring_.Over(kFive), (Window{{120, 12}, kMinute}));
}

TEST_F(EventRingTest, LooksThatAreFarApartMakeCoarseWindows) {
  for (int i = 0; i <= 60; ++i) {
    ring_.Add(now_ms_ + i * 2 * kMinute, {static_cast<std::uint64_t>(i) * 100, 0});
  }
  EXPECT_EQ(ring_.Over(kFive), (Window{{200, 0}, 4 * kMinute}));
  EXPECT_EQ(ring_.Over(kHour), (Window{{3'000, 0}, kHour}));
}

TEST_F(EventRingTest, BeginsAnewIfTheClockOrATotalGoesBackwards) {
  for (const bool clock : {true, false}) {
    ring_ = {};
    ring_.Add(now_ms_, {100, 10});
    ring_.Add(now_ms_ + kMinute, {200, 20});
    ASSERT_EQ(ring_.Over(kFive).events.all, 100U);
    ring_.Add(clock ? now_ms_ : now_ms_ + 2 * kMinute, clock ? Events{300, 30} : Events{5, 0});
    EXPECT_EQ(ring_.Over(kFive), Window{});
  }
}

TEST_F(EventRingTest, ManyQuickLooksNeedNoMoreRoom) {
  ring_.Add(now_ms_, running_);
  for (int i = 0; i < 3'600'000 / 100 * 2; ++i) {
    now_ms_ += 100;
    ++running_.all;
    ring_.Add(now_ms_, running_);
  }
  const Window hour = ring_.Over(kHour);
  EXPECT_EQ(hour.events.all, static_cast<std::uint64_t>(hour.covered_ms) / 100);
  EXPECT_GE(hour.covered_ms, kHour);
}

// As it lies in shared memory: zeroed, and gone on with by a worker that was started anew.
TEST_F(EventRingTest, AnotherProcessGoesOnWithItsBytes) {
  const std::unique_ptr<void, decltype(&std::free)> memory(std::calloc(1, sizeof(EventRing)),
                                                           &std::free);
  auto* before = static_cast<EventRing*>(memory.get());
  before->Add(now_ms_, {0, 0});
  before->Add(now_ms_ + kMinute, {60, 6});
  EventRing after;
  std::memcpy(static_cast<void*>(&after), before, sizeof(after));
  after.Add(now_ms_ + kMinute + 10'000, {70, 6});
  EXPECT_EQ(after.Over(kFive), (Window{{70, 6}, kMinute + 10'000}));
}

}  // namespace
}  // namespace pg_hello::measure
