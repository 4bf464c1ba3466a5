// The name of a database that was replaced.
#include "ctl/restore.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(ReplacedNameTest, HasRoomInEveryName) {
  const std::string time = "2026-11-25T02:30:00Z";
  EXPECT_EQ(ReplacedName("shop", time), "shop_replaced_20261125T023000Z");
  EXPECT_EQ(ReplacedName(std::string(63, 'x'), time).size(), 63u);
  // Two bytes each: the last that would be cut through is left out.
  std::string umlauts;
  for (int i = 0; i < 31; ++i) umlauts += "\xC3\xA4";
  EXPECT_EQ(ReplacedName(umlauts, time).find("_replaced_"), 36u);
}

}  // namespace
}  // namespace pg_hello::ctl
