#include "pg_hello/exposition/metrics_query.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "pg_hello/exposition/text_format.h"
#include "sample_snapshots.h"

namespace pg_hello::exposition {
namespace {

using pg_hello::testing::MakeFunction;
using pg_hello::testing::MakeSnapshot;

using Params = std::initializer_list<std::pair<const char*, const char*>>;

MetricsQuery QueryOf(Params params) {
  MetricsQuery query;
  for (const auto& [name, value] : params) {
    EXPECT_EQ(query.Add(name, value), "");
  }
  return query;
}

// Two databases, five functions.
snapshot::Snapshot Sample() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "other", 0});
  for (const auto& [schema, function] : {std::pair{"public", "a()"},
                                         {"public", "b(text)"},
                                         {"sales", "a()"},
                                         {"sales", "c(integer)"}}) {
    snapshot.functions.push_back(
        MakeFunction(static_cast<std::uint32_t>(snapshot.functions.size() + 1), schema, function));
  }
  snapshot.functions.push_back(MakeFunction(5, "public", "a()"));
  snapshot.functions.back().database = 1;
  return snapshot;
}

// The labels' values of the series `name`, in order: "{app,public,a()}".
std::string LabelsOf(const std::string& text, const std::string& name) {
  std::string labels;
  for (std::size_t at = 0; (at = text.find("\n" + name + "{", at)) != std::string::npos; ++at) {
    const std::size_t begin = at + name.size() + 1;
    labels += text.substr(begin, text.find("} ", begin) + 1 - begin);
  }
  return std::regex_replace(labels, std::regex("[a-z]+=|\""), "");
}

std::string Render(const selection::Budget& budget, Params params = {}) {
  const snapshot::Snapshot snapshot = Sample();
  return RenderText(snapshot, nullptr, MakeOptions(snapshot, budget, QueryOf(params)));
}

std::set<std::string> FamiliesIn(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t at = 0; (at = text.find("# TYPE ", at)) != std::string::npos;) {
    at += 7;
    names.insert(text.substr(at, text.find(' ', at) - at));
  }
  return names;
}

TEST(MetricsQueryTest, WithoutParametersEverythingThatIsAdmittedIsShown) {
  const std::string text = Render({3, 1, {}});
  EXPECT_EQ(LabelsOf(text, "pg_hello_function_calls_total"),
            "{app,public,a()}"
            "{app,public,b(text)}"
            "{app,sales,a()}");
  EXPECT_EQ(LabelsOf(text, "pg_hello_function_duration_seconds_sum"), "{app,public,a()}");
  EXPECT_NE(text.find("\npg_hello_exported_functions 3\n"), std::string::npos);
  EXPECT_NE(text.find("\npg_hello_suppressed_functions 2\n"), std::string::npos);
  EXPECT_NE(text.find("\npg_hello_exported_histograms 1\n"), std::string::npos);
  EXPECT_EQ(FamiliesIn(text).size(), kFamilyCount);
}

TEST(MetricsQueryTest, FiltersChooseAmongWhatIsAdmittedAndChangeNothingAboutIt) {
  const std::string text = Render({3, 1, {}}, {{"datname", "app"}, {"function", "a"}});
  EXPECT_EQ(LabelsOf(text, "pg_hello_function_calls_total"),
            "{app,public,a()}"
            "{app,sales,a()}");
  EXPECT_NE(text.find("\npg_hello_exported_functions 3\n"), std::string::npos);
  EXPECT_NE(text.find("\npg_hello_suppressed_functions 2\n"), std::string::npos);
  EXPECT_EQ(FamiliesIn(text).size(), kFamilyCount);
  EXPECT_EQ(LabelsOf(Render({3, 1, {}}, {{"datname", "other"}}), "pg_hello_function_calls_total"),
            "");
}

TEST(MetricsQueryTest, TwoJobsSplitAServerWithoutLossOrOverlap) {
  const std::string series = "pg_hello_function_calls_total";
  const std::string public_text = Render({}, {{"schema", "public"}});
  const std::string others = Render({}, {{"schema", "sales"}, {"schema", "x*"}});
  EXPECT_EQ(LabelsOf(public_text, series),
            "{app,public,a()}"
            "{app,public,b(text)}"
            "{other,public,a()}");
  EXPECT_EQ(LabelsOf(others, series),
            "{app,sales,a()}"
            "{app,sales,c(integer)}");
}

TEST(MetricsQueryTest, NamesChooseFamilies) {
  EXPECT_EQ(FamiliesIn(Render({}, {{"name[]", "pg_hello_tracked_functions"}})),
            (std::set<std::string>{"pg_hello_tracked_functions"}));
  EXPECT_EQ(FamiliesIn(Render({}, {{"name[]", "*_calls_total"}, {"name[]", "*_build_info"}})),
            (std::set<std::string>{"pg_hello_function_calls_total", "pg_hello_overflow_calls_total",
                                   "pg_hello_untimed_calls_total", "pg_hello_build_info"}));
  EXPECT_EQ(FamiliesIn(Render({}, {{"name[]", "nothing"}})), std::set<std::string>{});
  EXPECT_EQ(Render({}, {{"name[]", "nothing"}}), "");
}

TEST(MetricsQueryTest, AFamilyIsChosenByAnyOfItsNames) {
  for (const char* name :
       {"pg_hello_function_duration_seconds", "pg_hello_function_duration_seconds_bucket",
        "pg_hello_function_duration_seconds_sum", "pg_hello_function_duration_seconds_count"}) {
    EXPECT_EQ(FamiliesIn(Render({}, {{"name[]", name}})),
              (std::set<std::string>{"pg_hello_function_duration_seconds"}));
  }
  for (const char* name : {"pg_hello_function_calls", "pg_hello_function_calls_total"}) {
    EXPECT_EQ(FamiliesIn(Render({}, {{"name[]", name}})),
              (std::set<std::string>{"pg_hello_function_calls_total"}));
  }
}

TEST(MetricsQueryTest, LabelsDoNotDependOnWhatIsShown) {
  snapshot::Snapshot snapshot = Sample();
  snapshot.functions.push_back(MakeFunction(77, "public", "a()"));
  for (const Params& params : {Params{}, Params{{"schema", "public"}}}) {
    const std::string text =
        RenderText(snapshot, nullptr, MakeOptions(snapshot, {}, QueryOf(params)));
    EXPECT_NE(text.find("function=\"a()~77\""), std::string::npos);
  }
}

TEST(MetricsQueryTest, WhatMakesNoSenseIsSaidWithoutRepeatingIt) {
  MetricsQuery query;
  EXPECT_EQ(query.Add("name[]", ""), "The value of the parameter name[] is empty.");
  EXPECT_EQ(query.Add("function", "evil\\"),
            "The value of the parameter function ends with a backslash.");
  EXPECT_EQ(query.Add("unknown", ""), "");
}

}  // namespace
}  // namespace pg_hello::exposition
