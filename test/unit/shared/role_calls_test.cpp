#include "pg_hello/shared/role_calls.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "support/shared_memory.h"

namespace pg_hello::shared {
namespace {

using ::pg_hello::testing::FindFunction;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::kCreatedUs;
using ::pg_hello::testing::SharedMemory;
using ::pg_hello::testing::TakeSnapshot;

class RoleCallsTest : public ::testing::Test {
 protected:
  RoleFunction KeyOf(std::uint32_t role, const FunctionRow& row) const {
    return {role, stats_->RowNumber(row), row.first_epoch.load()};
  }

  void Call(std::uint32_t role, const FunctionRow& row, std::uint64_t times = 1) {
    RoleCallsPlace* place = stats_->CountRoleCall(KeyOf(role, row));
    ASSERT_NE(place, nullptr);
    place->calls.fetch_add(times - 1);
  }

  // Calls of a function by a role as a snapshot has them; 0 if it has none.
  std::uint64_t Calls(std::uint32_t role, std::uint32_t funcid) {
    const snapshot::Snapshot taken = TakeSnapshot(*stats_);
    for (const snapshot::RoleCalls& calls : taken.role_calls) {
      if (calls.role == role && taken.functions[calls.function].key.funcid == funcid) {
        return calls.calls;
      }
    }
    return 0;
  }

  SharedMemory stats_{Dimensions{5'000, 1}};
};

TEST_F(RoleCallsTest, ARoleAndAFunctionHaveOnePlace) {
  FunctionRow& f = Insert(*stats_, 1);
  FunctionRow& g = Insert(*stats_, 2);
  Call(10, f);
  Call(10, g, 5);
  Call(11, f, 2);
  Call(10, f);
  EXPECT_EQ(stats_->role_calls.end(), 3U);
  EXPECT_EQ(Calls(10, 1), 2U);
  EXPECT_EQ(Calls(10, 2), 5U);
  EXPECT_EQ(Calls(11, 1), 2U);
  EXPECT_EQ(Calls(11, 2), 0U);
}

TEST_F(RoleCallsTest, ADroppedFunctionsCallsAreNotItsSuccessors) {
  FunctionRow& dropped = Insert(*stats_, 1);
  Call(10, dropped, 7);
  const RoleFunction former = KeyOf(10, dropped);
  stats_->Remove(dropped);
  FunctionRow& made = Insert(*stats_, 2);
  ASSERT_EQ(&made, &dropped);
  EXPECT_EQ(Calls(10, 2), 0U);
  EXPECT_EQ(stats_->CountRoleCall(former), nullptr);
  Call(10, made);
  EXPECT_EQ(Calls(10, 2), 1U);
  EXPECT_EQ(stats_->role_calls.end(), 1U) << "the place was free again";
}

TEST_F(RoleCallsTest, AResetSetsToZeroAndMakesRoom) {
  FunctionRow& f = Insert(*stats_, 1);
  FunctionRow& g = Insert(*stats_, 2);
  Call(10, f, 3);
  Call(10, g, 4);
  stats_->role_calls.overflow = 9;
  stats_->Reset(f, kCreatedUs + 1);
  EXPECT_EQ(Calls(10, 1), 0U);
  EXPECT_EQ(Calls(10, 2), 4U);
  Call(10, f);
  EXPECT_EQ(Calls(10, 1), 1U);
  stats_->ResetAll(kCreatedUs + 2);
  EXPECT_EQ(TakeSnapshot(*stats_).role_calls.size(), 0U);
  EXPECT_EQ(TakeSnapshot(*stats_).role_calls_overflow, 0U);
  Call(11, g);
  Call(11, f);
  EXPECT_EQ(Calls(11, 1), 1U);
  EXPECT_EQ(stats_->role_calls.end(), 2U);
}

TEST_F(RoleCallsTest, WhatFindsNoPlaceGetsNoneUntilAFunctionIsDropped) {
  for (std::uint32_t i = 1; i <= RoleCalls::kPlaces; ++i) {
    Call(10, Insert(*stats_, i));
  }
  FunctionRow& late = Insert(*stats_, RoleCalls::kPlaces + 1);
  EXPECT_EQ(stats_->CountRoleCall(KeyOf(10, late)), nullptr);
  EXPECT_EQ(TakeSnapshot(*stats_).role_calls_overflow, 1U);
  Call(10, *stats_->Find(testing::KeyOf(17)));
  EXPECT_EQ(Calls(10, 17), 2U);
  stats_->Remove(*stats_->Find(testing::KeyOf(17)));
  Call(10, late, 3);
  EXPECT_EQ(Calls(10, RoleCalls::kPlaces + 1), 3U);
  EXPECT_EQ(FindFunction(TakeSnapshot(*stats_), 17), nullptr);
}

}  // namespace
}  // namespace pg_hello::shared
