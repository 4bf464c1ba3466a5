#include "pg_hello/exposition/metrics_query.h"

#include <algorithm>

#include "pg_hello/selection/glob.h"

namespace pg_hello::exposition {
namespace {

Exposure ExposureOf(const selection::Admitted& admitted) {
  if (!admitted.exported()) {
    return Exposure::kHidden;
  }
  return admitted.histogram ? Exposure::kFull : Exposure::kWithoutHistogram;
}

bool Names(std::string_view glob, const Family& family) {
  // Most families differ in what the glob has before its first wildcard; to make their series'
  // names takes longer than to write some families.
  const std::string_view plain = glob.substr(0, glob.find_first_of("*?[\\"));
  const std::size_t common = std::min(plain.size(), family.name.size());
  if (plain.substr(0, common) != family.name.substr(0, common)) {
    return false;
  }
  const auto matches = [&](std::string_view suffix) {
    return selection::GlobMatches(glob, std::string(family.name).append(suffix));
  };
  return matches("") || matches(SeriesSuffix(family.type)) ||
         (family.type == FamilyType::kHistogram &&
          (matches("_bucket") || matches("_sum") || matches("_count")));
}

}  // namespace

std::string MetricsQuery::Add(std::string_view parameter, std::string_view value) {
  const char* fault = nullptr;
  if (parameter == "name[]") {
    fault = selection::GlobFault(value);
    if (fault == nullptr) {
      names_.emplace_back(value);
    }
  } else {
    functions_.Add(parameter, value, &fault);
  }
  if (fault == nullptr) {
    return {};
  }
  // It is one of those that are known.
  return "The value of the parameter " + std::string(parameter) + " " + fault + ".";
}

bool MetricsQuery::Chooses(const Family& family) const {
  return names_.empty() ||
         std::any_of(names_.begin(), names_.end(),
                     [&family](const std::string& glob) { return Names(glob, family); });
}

snapshot::Detail MetricsQuery::detail() const {
  const bool histograms =
      std::any_of(kFamilies.begin(), kFamilies.end(), [this](const Family& family) {
        return family.type == FamilyType::kHistogram && Chooses(family);
      });
  return histograms ? snapshot::Detail::kEverything : snapshot::Detail::kWithoutBuckets;
}

Options MakeOptions(const snapshot::Snapshot& snapshot, const selection::Budget& budget,
                    const MetricsQuery& query) {
  const selection::Admission admission = selection::Admit(snapshot, budget);
  Options options;
  options.exported = {admission.exported, admission.suppressed, admission.histograms};
  options.functions.reserve(snapshot.functions.size());
  const bool all = query.functions().MatchesAll();
  for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
    const bool chosen =
        all || query.functions().Matches(selection::NameOf(snapshot, snapshot.functions[i]));
    options.functions.push_back(chosen ? ExposureOf(admission.functions[i]) : Exposure::kHidden);
  }
  for (const Family& family : kFamilies) {
    options.hidden_families.set(static_cast<std::size_t>(family.id), !query.Chooses(family));
  }
  return options;
}

}  // namespace pg_hello::exposition
