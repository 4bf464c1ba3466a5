// The difference of two readings of counters that only grow, and of counters that began anew.
#include "ctl/function_counters.h"

#include <gtest/gtest.h>

#include "ctl/work_table.h"

namespace pg_hello::ctl {
namespace {

CounterReading Counters(const char* since, std::int64_t calls, std::vector<std::int64_t> buckets) {
  return {.since = since,
          .calls = calls,
          .errors = 1,
          .timed_calls = calls,
          .sum_ms = static_cast<double>(calls),
          .buckets = std::move(buckets)};
}

TEST(FunctionCountersTest, AreComparedFunctionByFunction) {
  const Reading before{.functions = {{"a.f()", Counters("1", 10, {4, 6})},
                                     {"a.idle()", Counters("1", 7, {7, 0})},
                                     {"a.gone()", Counters("1", 7, {7, 0})}}};
  const Reading after{.functions = {{"a.f()", Counters("1", 15, {5, 10})},
                                    {"a.idle()", Counters("1", 7, {7, 0})},
                                    {"a.new()", Counters("2", 30, {0, 30})}}};
  const auto works = Difference(before, after);
  ASSERT_EQ(works.size(), 2);
  EXPECT_EQ(works[0].function, "a.new()");
  EXPECT_FALSE(works[0].began_anew) << "it was not there before";
  EXPECT_EQ(works[1].function, "a.f()");
  EXPECT_EQ(works[1].calls, 5);
  EXPECT_EQ(works[1].errors, 0);
  EXPECT_EQ(works[1].sum_ms, 5);
  EXPECT_EQ(works[1].buckets, (std::vector<std::int64_t>{1, 4}));
}

TEST(FunctionCountersTest, CountFromTheirResetOn) {
  const Reading before{.functions = {{"a.f()", Counters("1", 10, {4, 6})}}};
  const Reading after{.functions = {{"a.f()", Counters("2", 3, {3, 0})}}};
  const auto works = Difference(before, after);
  ASSERT_EQ(works.size(), 1);
  EXPECT_TRUE(works[0].began_anew);
  EXPECT_EQ(works[0].calls, 3);
  EXPECT_EQ(works[0].buckets, (std::vector<std::int64_t>{3, 0}));
}

TEST(FunctionCountersTest, ReadWhatPostgresqlWrites) {
  EXPECT_EQ(ParseArray("{0,12,9007199254740993}"),
            (std::vector<std::int64_t>{0, 12, 9007199254740993}));
  EXPECT_EQ(ParseArray("{}"), std::vector<std::int64_t>());
  EXPECT_EQ(ParseArray("{-}"), std::vector<std::int64_t>({0}));
  EXPECT_EQ(WriteArray({0, 12}), "{0,12}");
}

TEST(FunctionCountersTest, LeaveOutThoseWhoLook) {
  EXPECT_TRUE(IsReader("x.pg_hello_stats_rows()", "pg_hello"));
  EXPECT_FALSE(IsReader("x.pg_hello_stats_rows()", ""));
  EXPECT_FALSE(IsReader("x.pg_hello(text)", "pg_hello"));
}

TEST(WorkTableTest, ShowsNumbersInFewDigits) {
  EXPECT_EQ(ShortNumber(std::nullopt), "-");
  EXPECT_EQ(ShortNumber(0), "0");
  EXPECT_EQ(ShortNumber(123456.7), "123457");
  EXPECT_EQ(ShortNumber(12.3456), "12.35");
  EXPECT_EQ(ShortNumber(0.00123456), "0.001235");
}

TEST(WorkTableTest, IsATable) {
  EXPECT_EQ(WorkTable({{.function = "s.f()",
                        .calls = 10,
                        .errors = 1,
                        .timed_calls = 10,
                        .sum_ms = 5,
                        .p50_ms = 0.25}},
                      2),
            "function  calls  calls/s  errors  mean ms  p50 ms  p95 ms  p99 ms\n"
            "s.f()        10    5.000       1   0.5000  0.2500       -       -\n");
}

}  // namespace
}  // namespace pg_hello::ctl
