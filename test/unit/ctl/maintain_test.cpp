// Labels, file names and drift.
#include "ctl/maintain.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>

namespace pg_hello::ctl {
namespace {

TEST(MaintainTest, LabelsADayAWeekAndAMonth) {
  setenv("TZ", "UTC", 1);
  tzset();
  const UnixMs sunday = 1772330400000;  // 2026-03-01 02:00
  EXPECT_EQ(LabelOf("daily", sunday), "daily 2026-03-01");
  EXPECT_EQ(LabelOf("weekly", sunday), "weekly 2026-02-23") << "its Monday, in the month before";
  EXPECT_EQ(LabelOf("monthly", sunday), "monthly 2026-03");
  EXPECT_EQ(LabelOf("weekly", sunday + 86'400'000), "weekly 2026-03-02");
  unsetenv("TZ");
  tzset();
}

TEST(MaintainTest, NamesFilesSoThatNoDatabaseLeavesItsDirectory) {
  EXPECT_EQ(FileNameOf("shop_1-A"), "shop_1-A");
  EXPECT_EQ(FileNameOf("../x"), "%2E%2E%2Fx");
  EXPECT_EQ(FileNameOf("caf\xc3\xa9"), "caf%C3%A9");
}

TEST(MaintainTest, TellsEachSettingThatChanged) {
  const Findings findings = Drift("d", {{"a", "1"}, {"b", "2"}, {"gone", "3"}},
                                  {{"a", "1"}, {"b", "4"}, {"new", ""}}, "x");
  ASSERT_EQ(findings.size(), 3);
  EXPECT_EQ(findings[0].message, "b was \"2\", and is \"4\" (since x)");
  EXPECT_EQ(findings[1].message, "new is new: \"\" (since x)");
  EXPECT_EQ(findings[2].message, "gone is gone; it was \"3\" (since x)");
  EXPECT_EQ(ExitCode(Worst(findings)), 1);
  EXPECT_EQ(ExitCode(Worst(Drift("d", {{"a", "1"}}, {{"a", "1"}}, "x"))), 0);
}

}  // namespace
}  // namespace pg_hello::ctl
