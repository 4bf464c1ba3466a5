// Which databases look like production.
#include "ctl/load.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(LoadTest, TakesAnEmptyTestDatabaseForNone) {
  EXPECT_TRUE(SignsOfProduction({.name = "staging", .bytes = 8'000'000}).empty());
}

TEST(LoadTest, SaysEachSignOfProduction) {
  EXPECT_EQ(SignsOfProduction({.name = "Production"}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop_live"}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop", .bytes = 1'000'000'000}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop", .other_sessions = 1}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop", .standbys = 1}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop", .in_recovery = true}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "shop", .archives = true}).size(), 1);
  EXPECT_EQ(SignsOfProduction({.name = "prod", .other_sessions = 3, .archives = true}).size(), 3);
}

}  // namespace
}  // namespace pg_hello::ctl
