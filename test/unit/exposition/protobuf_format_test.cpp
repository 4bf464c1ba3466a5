// The protobuf format, read back and compared with a golden file and with the histograms' rules.
#include "pg_hello/exposition/protobuf_format.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "golden.h"
#include "metric_family_reader.h"
#include "render.h"
#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::AddCall;
using pg_hello::testing::Decode;
using pg_hello::testing::Histogram;
using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;
using pg_hello::testing::Metric;
using pg_hello::testing::MetricFamily;
using pg_hello::testing::Timestamp;
using pg_hello::testing::TwoFunctions;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Render(const snapshot::Snapshot& snapshot, std::size_t* samples = nullptr,
                   Options options = {}) {
  return pg_hello::testing::RenderAs(Format::kProtobuf, snapshot, samples, std::move(options));
}

const MetricFamily& Find(const std::vector<MetricFamily>& families, const char* name) {
  for (const MetricFamily& family : families) {
    if (family.name == name) {
      return family;
    }
  }
  ADD_FAILURE() << "no family " << name;
  return families.front();
}

Histogram HistogramOf(const snapshot::FunctionStats& function,
                      Exposure exposure = Exposure::kFull) {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.functions.push_back(function);
  Options options;
  options.functions = {exposure};
  return *Find(Decode(Render(snapshot, nullptr, options)), "pg_hello_function_duration_seconds")
              .metrics.at(0)
              .histogram;
}

std::string Number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string CreatedText(const std::optional<Timestamp>& created) {
  return created ? " since " + std::to_string(created->seconds) + "+" +
                       std::to_string(created->nanos) + "ns"
                 : "";
}

// All that is in the messages, for people.
std::string Text(const std::vector<MetricFamily>& families) {
  std::string text;
  for (const MetricFamily& family : families) {
    text += family.name + " type " + std::to_string(family.type) + " unit \"" + family.unit +
            "\": " + family.help + "\n";
    for (const Metric& metric : family.metrics) {
      text += " ";
      for (const auto& [name, value] : metric.labels) {
        text += " " + name + "=<" + value + ">";
      }
      if (metric.counter) text += " counter " + Number(*metric.counter);
      if (metric.gauge) text += " gauge " + Number(*metric.gauge);
      text += CreatedText(metric.created);
      if (const auto& histogram = metric.histogram) {
        text += " count " + std::to_string(histogram->count) + " sum " + Number(histogram->sum) +
                CreatedText(histogram->created) + "\n    classic";
        for (const auto& [bound, count] : histogram->classic) {
          text += " " + Number(bound) + ":" + std::to_string(count);
        }
        text += "\n    schema " + std::to_string(histogram->schema) + " zero " +
                Number(histogram->zero_threshold) + ":" + std::to_string(histogram->zero_count);
        for (const auto& [index, count] : histogram->positive) {
          text += " " + std::to_string(index) + ":" + std::to_string(count);
        }
      }
      text += "\n";
    }
  }
  return text;
}

TEST(ProtobufFormatTest, MatchesTheGoldenFile) {
  pg_hello::testing::ExpectGolden("two_functions.protobuf.txt",
                                  Text(Decode(Render(TwoFunctions()))));
}

TEST(ProtobufFormatTest, FamiliesHaveTheNamesOfTextAndAreLeftOutIfEmpty) {
  const std::vector<MetricFamily> families = Decode(Render(snapshot::Snapshot{}));
  std::map<std::string, int> types;
  for (const MetricFamily& family : families) {
    EXPECT_FALSE(family.metrics.empty()) << family.name;
    EXPECT_TRUE(types.emplace(family.name, family.type).second) << family.name;
  }
  EXPECT_FALSE(types.contains("pg_hello_function_calls_total"));
  EXPECT_EQ(types.at("pg_hello_scrapes_total"), 0);
  EXPECT_EQ(types.at("pg_hello_build_info"), 1);
  EXPECT_EQ(types.at("pg_hello_tracked_functions"), 1);
  EXPECT_EQ(Find(families, "pg_hello_shared_memory_bytes").unit, "bytes");
}

TEST(ProtobufFormatTest, CountsItsSamplesAsPrometheusDoes) {
  for (const Exposure exposure : {Exposure::kFull, Exposure::kWithoutHistogram}) {
    Options options;
    options.functions = {exposure, Exposure::kFull};
    std::size_t samples = 0;
    std::size_t expected = 0;
    for (const MetricFamily& family : Decode(Render(TwoFunctions(), &samples, options))) {
      for (const Metric& metric : family.metrics) {
        const bool classic = metric.histogram && !metric.histogram->classic.empty();
        expected += 1 + (classic ? metric.histogram->classic.size() + 3 : 0);
      }
    }
    EXPECT_EQ(samples, expected);
  }
}

TEST(ProtobufFormatTest, EveryFunctionHasANativeHistogramFromTheStart) {
  for (const Exposure exposure : {Exposure::kFull, Exposure::kWithoutHistogram}) {
    const Histogram histogram = HistogramOf(MakeFunction(1, "public", "f()"), exposure);
    EXPECT_EQ(histogram.schema, 3);
    EXPECT_GT(histogram.zero_threshold, 0) << "or Prometheus takes it for a classic one";
    EXPECT_EQ(histogram.count, 0U);
    EXPECT_TRUE(histogram.positive.empty());
    EXPECT_EQ(histogram.classic.size(),
              exposure == Exposure::kFull ? measure::kClassicBounds.size() : 0U);
  }
}

// The native bucket of a duration by the specification's formula, without any table of ours: the
// lowest index whose bound 2^(index/8) s is not below it.
int IndexOf(std::uint64_t ns) {
  const long double seconds = static_cast<long double>(ns) / 1e9L;
  int index = static_cast<int>(std::floor(8 * std::log2(seconds))) - 1;
  while (std::exp2(static_cast<long double>(index) / 8) < seconds) {
    ++index;
  }
  return index;
}

constexpr int kOverflowIndex = 8193;

void ExpectExact(const std::vector<std::uint64_t>& durations) {
  snapshot::FunctionStats function = MakeFunction(1, "public", "f()");
  std::map<int, std::uint64_t> expected;
  std::uint64_t expected_zero = 0;
  for (const std::uint64_t ns : durations) {
    AddCall(function, ns);
    if (static_cast<long double>(ns) / 1e9L <= 0x1p-20L) {
      ++expected_zero;
    } else {
      ++expected[ns > 128'000'000'000 ? kOverflowIndex : IndexOf(ns)];
    }
  }
  const Histogram histogram = HistogramOf(function);
  EXPECT_EQ(histogram.count, durations.size());
  EXPECT_EQ(histogram.zero_threshold, 0x1p-20);
  EXPECT_EQ(histogram.zero_count, expected_zero);
  std::uint64_t total = histogram.zero_count;
  std::map<int, std::uint64_t> filled;
  for (const auto& [index, count] : histogram.positive) {
    total += count;
    if (count > 0) {
      filled.emplace(index, count);
    }
  }
  EXPECT_EQ(filled, expected);
  EXPECT_EQ(total, histogram.count);
  std::size_t i = 0;
  for (const measure::ClassicBound& bound : measure::kClassicBounds) {
    const auto& [upper, count] = histogram.classic.at(i++);
    double printed = 0;
    std::from_chars(bound.le, bound.le + std::char_traits<char>::length(bound.le), printed);
    EXPECT_EQ(upper, printed);
    std::uint64_t below = 0;
    for (const std::uint64_t ns : durations) {
      below += ns <= bound.ns ? 1 : 0;
    }
    EXPECT_EQ(count, below) << bound.le;
  }
}

TEST(ProtobufFormatTest, NativeBucketsHoldExactlyWhatTheirBoundsSay) {
  std::mt19937_64 random(4711);
  std::vector<std::uint64_t> durations = {0, 1, 952, 953, 954, UINT64_C(1) << 62};
  for (std::size_t k = 0; k < measure::kNativeBoundCount; ++k) {
    const std::uint64_t bound = measure::NativeBoundNs(k);
    durations.insert(durations.end(), {bound - 1, bound, bound + 1});
  }
  for (const measure::ClassicBound& bound : measure::kClassicBounds) {
    durations.insert(durations.end(), {bound.ns - 1, bound.ns, bound.ns + 1});
  }
  for (int i = 0; i < 10'000; ++i) {
    durations.push_back(random() >> (random() % 64) >> 22);  // up to about 4,400 s
  }
  ExpectExact(durations);
  // Few, so that there are gaps of every width.
  for (int i = 0; i < 500; ++i) {
    std::vector<std::uint64_t> some;
    for (std::uint64_t n = random() % 8 + 1; n > 0; --n) {
      some.push_back(durations[random() % durations.size()]);
    }
    ExpectExact(some);
  }
}

TEST(ProtobufFormatTest, WhatTakesLongerThanTheLastBoundHasNoFiniteOne) {
  // prometheus/prometheus, model/histogram: the bound of an index is ldexp(fraction, exponent),
  // but that of the bucket with the greatest double.
  EXPECT_EQ(std::ldexp(0.5452538663326288, (kOverflowIndex >> 3) + 1), kInfinity);
  EXPECT_EQ(((kOverflowIndex - 1) >> 3) + 1, 1025) << "the one before is the last finite one";
  EXPECT_EQ((kOverflowIndex - 1) % 8, 0);
  ExpectExact({127'999'999'999, 128'000'000'000, 128'000'000'001, 900'000'000'000});
}

TEST(ProtobufFormatTest, BridgesSmallGapsOnly) {
  snapshot::FunctionStats function = MakeFunction(1, "public", "f()");
  for (const std::size_t k : {10U, 11U, 13U, 16U, 20U}) {
    AddCall(function, measure::NativeBoundNs(k));
  }
  const Histogram histogram = HistogramOf(function);
  EXPECT_EQ(histogram.spans, 2U);
  const std::map<int, std::uint64_t> expected = {{-150, 1}, {-149, 1}, {-148, 0}, {-147, 1},
                                                 {-146, 0}, {-145, 0}, {-144, 1}, {-140, 1}};
  EXPECT_EQ(histogram.positive, expected);
}

TEST(ProtobufFormatTest, CarriesTheGreatestCounts) {
  snapshot::FunctionStats function = MakeFunction(1, "public", "f()");
  function.buckets[measure::kNativeBucketEnd[5]] = UINT64_MAX / 2;
  function.buckets[measure::kNativeBucketEnd[6]] = 1;
  function.calls = UINT64_MAX / 2 + 1;
  const Histogram histogram = HistogramOf(function);
  EXPECT_EQ(histogram.count, UINT64_MAX / 2 + 1);
  EXPECT_EQ(histogram.positive.at(-155), UINT64_MAX / 2);
  EXPECT_EQ(histogram.positive.at(-154), 1U);
}

TEST(ProtobufFormatTest, SaysWhenFunctionsBeganToCount) {
  snapshot::Snapshot snapshot = TwoFunctions();
  snapshot.functions[1].stats_since_us = -1;  // a Timestamp's nanoseconds are never negative
  const std::vector<MetricFamily> families = Decode(Render(snapshot));
  const MetricFamily& calls = Find(families, "pg_hello_function_calls_total");
  EXPECT_EQ(CreatedText(calls.metrics.at(0).created), " since 1795410800+500000000ns");
  EXPECT_EQ(CreatedText(calls.metrics.at(1).created), " since -1+999999000ns");
  const MetricFamily& durations = Find(families, "pg_hello_function_duration_seconds");
  EXPECT_EQ(CreatedText(durations.metrics.at(0).histogram->created),
            " since 1795410800+500000000ns");
  EXPECT_FALSE(Find(families, "pg_hello_scrapes_total").metrics.at(0).created);
}

}  // namespace
}  // namespace pg_hello::exposition
