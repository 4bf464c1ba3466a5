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

// By its own name or by that of any of its series.
bool Names(std::string_view glob, const Family& family) {
  const auto matches = [&](std::string_view suffix) {
    return selection::GlobMatches(glob, std::string(family.name).append(suffix));
  };
  return matches("") || matches(SeriesSuffix(family.type)) ||
         (family.type == FamilyType::kHistogram &&
          (matches("_bucket") || matches("_sum") || matches("_count")));
}

// By FamilyId.
std::bitset<kFamilyCount> FamiliesNamedBy(std::string_view glob) {
  // Most families differ in what the glob has before its first wildcard; to make their series'
  // names takes longer than to write some families.
  const std::string_view plain = glob.substr(0, glob.find_first_of("*?[\\"));
  std::bitset<kFamilyCount> named;
  for (const Family& family : kFamilies) {
    const std::size_t common = std::min(plain.size(), family.name.size());
    named.set(static_cast<std::size_t>(family.id),
              plain.substr(0, common) == family.name.substr(0, common) && Names(glob, family));
  }
  return named;
}

}  // namespace

std::string MetricsQuery::Add(std::string_view parameter, std::string_view value) {
  const char* fault = nullptr;
  if (parameter == "name[]") {
    fault = selection::GlobFault(value);
    if (fault == nullptr) {
      all_families_ = false;
      families_ |= FamiliesNamedBy(value);
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
  return all_families_ || families_[static_cast<std::size_t>(family.id)];
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
