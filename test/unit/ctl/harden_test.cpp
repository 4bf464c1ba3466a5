// Lists in settings, which must not lose anything when something is appended.
#include "ctl/harden.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pg_hello::ctl {
namespace {

using Names = std::vector<std::string>;

TEST(HardenTest, ReadsListsAsPostgresqlDoes) {
  EXPECT_EQ(SplitList(""), Names());
  EXPECT_EQ(SplitList("a, b ,c"), (Names{"a", "b", "c"}));
  EXPECT_EQ(SplitList("\"a, \"\"b\", $libdir/c d"), (Names{"a, \"b", "$libdir/c d"}));
}

TEST(HardenTest, WritesListsAsPostgresqlReadsThem) {
  EXPECT_EQ(SetList("shared_preload_libraries", {"a", "it's", "pg_hello"}),
            "ALTER SYSTEM SET shared_preload_libraries = 'a', 'it''s', 'pg_hello'");
  EXPECT_EQ(SetList("s", {}), "ALTER SYSTEM SET s = ''");
  EXPECT_EQ(SetList("s", {"a\\'b"}), "ALTER SYSTEM SET s =  E'a\\\\''b'");
}

TEST(HardenTest, KnowsTheLoopback) {
  for (const char* const list : {"", "127.0.0.1", "localhost, ::1", "127.0.0.53"}) {
    EXPECT_TRUE(OnlyLoopback(list)) << list;
  }
  for (const char* const list : {"*", "0.0.0.0", "127.0.0.1, 10.0.0.1", "::"}) {
    EXPECT_FALSE(OnlyLoopback(list)) << list;
  }
}

TEST(HardenTest, SaysHowToUndoAndWhatFailed) {
  HardenResult result{
      .findings = {{"grants", Severity::kWarning, "d", "m", ""}},
      .plan = {{.check = "grants", .database = "d", .what = "REVOKE", .undo = "GRANT"},
               {.check = "listen", .what = "SET", .undo = "RESET", .needs = "a reload"}}};
  EXPECT_EQ(AsText(result, false, false),
            "warning: database \"d\": m\n\nplan, of which nothing was done; --apply does it:\n"
            "  grants in database \"d\": REVOKE; to undo: GRANT\n"
            "  listen: SET; needs a reload; to undo: RESET\n");
  result.failed = {"no", ""};
  EXPECT_EQ(AsText(result, true, false),
            "warning: database \"d\": m\n\ndone:\n"
            "  grants in database \"d\": REVOKE; FAILED: no\n"
            "  listen: SET; needs a reload, which was done; to undo: RESET\n");
  const auto json = nlohmann::json::parse(AsJson(result, true));
  EXPECT_EQ(json["plan"][0]["error"], "no");
  EXPECT_EQ(json["plan"][1]["done"], true);
}

}  // namespace
}  // namespace pg_hello::ctl
