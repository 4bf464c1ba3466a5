// What an update would do.
#include "ctl/update_plan.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(UpdatePlanTest, NumbersItsSteps) {
  const Findings plan = UpdatePlan({{"s", "1.0", true}, {"d", "1.1", false}}, "1.1", "/b");
  EXPECT_EQ(plan[0].message, "1. back all of them up into /b");
  EXPECT_EQ(plan[1].message, "2. staging: update from version 1.0 to 1.1 in one transaction");
  EXPECT_EQ(plan[2].message, "3. is of version 1.1 already: see that its functions answer");
  EXPECT_EQ(plan[3].check, "blue_green");
  EXPECT_EQ(plan[3].message.substr(0, 3), "1. ");
}

}  // namespace
}  // namespace pg_hello::ctl
