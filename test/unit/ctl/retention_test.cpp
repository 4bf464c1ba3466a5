// Which old backups may go, and that the last good one never does.
#include "ctl/retention.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

using Names = std::vector<std::string>;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kNow = 100 * kDay;

// The number is its age in days.
const std::vector<KnownBackup> kBackups = {{"1", kNow - 1 * kDay, true},
                                           {"2", kNow - 2 * kDay, false},
                                           {"3", kNow - 3 * kDay, true},
                                           {"4", kNow - 4 * kDay, false},
                                           {"5", kNow - 5 * kDay, true}};

TEST(RetentionTest, RemovesNothingUnasked) { EXPECT_EQ(Removable(kBackups, {}, kNow), Names{}); }

TEST(RetentionTest, KeepsTheNewestGoodOnesAndWhatIsNewer) {
  EXPECT_EQ(Removable(kBackups, {.keep = 1}, kNow), (Names{"2", "3", "4", "5"}));
  EXPECT_EQ(Removable(kBackups, {.keep = 2}, kNow), (Names{"4", "5"}));
  EXPECT_EQ(Removable(kBackups, {.keep = 9}, kNow), Names{});
}

TEST(RetentionTest, KeepsThoseThatAreYoung) {
  EXPECT_EQ(Removable(kBackups, {.keep_days = 3}, kNow), (Names{"4", "5"}));
}

TEST(RetentionTest, KeepsTheLastGoodOneHoweverOldItIs) {
  EXPECT_EQ(Removable({{"old", 0, true}, {"older", -kDay, true}}, {.keep_days = 1}, kNow),
            Names{"older"});
  EXPECT_EQ(Removable({{"bad", kNow, false}, {"good", 0, true}}, {.keep = 1}, kNow), Names{});
}

TEST(RetentionTest, KeepsWhatEitherRuleKeeps) {
  EXPECT_EQ(Removable(kBackups, {.keep = 1, .keep_days = 3}, kNow), (Names{"4", "5"}));
  EXPECT_EQ(Removable(kBackups, {.keep = 3, .keep_days = 1}, kNow), Names{});
}

TEST(RetentionTest, RemovesNothingWhereNothingIsGood) {
  EXPECT_EQ(Removable({{"a", 0, false}, {"b", kDay, false}}, {.keep = 1}, kNow), Names{});
}

}  // namespace
}  // namespace pg_hello::ctl
