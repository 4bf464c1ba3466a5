// The small parts of work on servers.
#include <gtest/gtest.h>

#include <cstdlib>

#include "ctl/failure.h"
#include "ctl/process.h"
#include "ctl/progress.h"
#include "ctl/questions.h"
#include "ctl/table_state.h"
#include "ctl/tools.h"

namespace pg_hello::ctl {
namespace {

using Lines = std::vector<std::string>;

TEST(DifferencesTest, AreWhatIsMissingOrNotTheSame) {
  const TableStates expected = {
      {"a", false, false, 3, ""}, {"b", false, true, 1, "17"}, {"s", true, true, 5, ""}};
  EXPECT_EQ(Differences(expected, expected, true), Lines{});
  EXPECT_EQ(Differences(expected, {}, true),
            (Lines{"a is missing", "b is missing", "s is missing"}));
  const TableStates actual = {
      {"s", true, true, 4, ""}, {"b", false, true, 1, "18"}, {"a", false, false, 2, ""}};
  EXPECT_EQ(Differences(expected, actual, true),
            (Lines{"a has 2 instead of 3 rows", "b has other rows", "s stands at 4 instead of 5"}));
  EXPECT_EQ(Differences(expected, actual, false).size(), 2u) << "checksums may differ";
}

TEST(DifferencesTest, LetSequencesGoOnAndTablesBeAdded) {
  EXPECT_EQ(Differences({{"s", true, true, 5, ""}},
                        {{"s", true, true, 6, ""}, {"new", false, false, 1, ""}}, true),
            Lines{});
}

TEST(QuotingTest, TakesAnyName) {
  EXPECT_EQ(QuotedIdentifier("a \"b\" 'c'"), "\"a \"\"b\"\" 'c'\"");
  EXPECT_EQ(QuotedLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuotedLiteral("it's\\"), " E'it''s\\\\'");
}

TEST(ToolsTest, KnowsTheirVersions) {
  EXPECT_EQ(MajorVersionIn("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), 15);
  EXPECT_EQ(MajorVersionIn("pg_dump (PostgreSQL) 9.6.24"), 9);
  EXPECT_EQ(MajorVersionIn("something else"), 0);
}

TEST(PrettySizeTest, IsAsPostgresWritesIt) {
  EXPECT_EQ(PrettySize(17), "17 bytes");
  EXPECT_EQ(PrettySize(10 * 1024), "10 kB");
  EXPECT_EQ(PrettySize(std::uint64_t{1} << 40), "1024 GB");
}

TEST(ProcessTest, GivesArgumentsAndEnvironmentAsTheyAre) {
  const Outcome outcome = RunProgram(
      {"/bin/sh",
       {"-c", R"(printf '%s|' "$@" "$X"; echo bad >&2; exit 3)", "sh", "a 'b'", "$(false)", "\"*"},
       {{"X", "y z"}}});
  EXPECT_EQ(outcome.output, "a 'b'|$(false)|\"*|y z|");
  EXPECT_EQ(outcome.errors, "bad\n");
  EXPECT_EQ(outcome.exit_code, 3);
}

TEST(ProcessTest, SaysWhatSignalEndedIt) {
  const Outcome outcome = RunProgram({"/bin/sh", {"-c", "kill -9 $$"}, {}});
  EXPECT_EQ(outcome.exit_code, 128 + 9);
  EXPECT_EQ(outcome.signal, 9);
}

TEST(ProcessTest, IsFoundInPathAndDoesNotSeeWhatIsUnset) {
  ASSERT_EQ(setenv("PG_HELLO_TEST", "seen", 1), 0);
  EXPECT_EQ(RunProgram({"sh", {"-c", "echo ${PG_HELLO_TEST-none}"}, {}}).output, "seen\n");
  EXPECT_EQ(RunProgram({"sh", {"-c", "echo ${PG_HELLO_TEST-none}"}, {}, {"PG_HELLO_TEST"}}).output,
            "none\n");
}

TEST(ProcessTest, TellsEachLineWithAndWithoutItsNewline) {
  std::vector<std::string> output;
  std::vector<std::string> errors;
  RunProgram({"/bin/sh", {"-c", "printf 'a\\n\\nb'; echo c >&2"}, {}},
             {.output_line = [&output](std::string_view line) { output.emplace_back(line); },
              .error_line = [&errors](std::string_view line) { errors.emplace_back(line); }});
  EXPECT_EQ(output, (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(errors, (std::vector<std::string>{"c"}));
}

TEST(ProcessTest, KeepsTheEndOfLongOutput) {
  const Outcome outcome = RunProgram({"/bin/sh", {"-c", "yes | head -c 1000000; echo end"}, {}});
  EXPECT_LE(outcome.output.size(), 200'000u);
  EXPECT_TRUE(outcome.output.ends_with("end\n"));
}

TEST(ProcessTest, FailsWithWhatTheProgramHasSaid) {
  try {
    MustRun("x", {"/bin/sh", {"-c", "echo it is broken >&2; exit 1"}, {}});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.finding().message, "it is broken");
    EXPECT_EQ(failure.finding().severity, Severity::kCritical);
  }
}

TEST(ProcessTest, FailsWhereThereIsNoProgram) {
  try {
    RunProgram({"/nonexistent/program", {}, {}});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.finding().message,
              "could not start /nonexistent/program: No such file or directory");
  }
}

}  // namespace
}  // namespace pg_hello::ctl
