// From a function of a snapshot to the values of kFunctionLabels.
#include "exposition/function_labels.h"

#include <array>
#include <string_view>

#include "exposition/fixed_text.h"

namespace pg_hello::exposition {

FunctionLabels::FunctionLabels(const snapshot::Snapshot& snapshot, FamilyWriter& writer)
    : writer_(writer),
      series_version_(snapshot.series_version),
      names_(snapshot),
      sets_(snapshot.functions.size(), FamilyWriter::kNoLabels) {}

FamilyWriter::LabelSet FunctionLabels::Add(const snapshot::Snapshot& snapshot, std::size_t index) {
  const snapshot::FunctionStats& stats = snapshot.functions[index];
  const std::array<std::string_view, kFunctionLabels.size()> values = {
      snapshot.databases.at(stats.database).datname, TextOf(stats.identity.schema),
      names_.Function(stats, index)};
  return writer_.AddLabelSet(kFunctionLabels, values, stats.stats_since_us);
}

}  // namespace pg_hello::exposition
