// What is text format 0.0.4's own: its metadata, and its names of the families.
#include "pg_hello/exposition/text_format.h"

#include <cstdint>
#include <cstring>

#include "exposition/text_lines.h"
#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::exposition {
namespace {

class TextWriter final : public FamilyWriter {
 public:
  explicit TextWriter(std::string& out) : lines_(out, LeStyle::kShortest) {}

  LabelSet AddLabelSet(std::span<const std::string_view> names,
                       std::span<const std::string_view> values,
                       std::int64_t /*since_us*/) override {
    return lines_.AddLabelSet(names, values);
  }

  void BeginFamily(const Family& family) override {
    lines_.BeginFamily(family);
    series_.assign(family.name).append(SeriesSuffix(family.type));
    lines_.Metadata("HELP", series_, family.help, false);
    const bool info = family.type == FamilyType::kInfo;  // a type that there is not
    lines_.Metadata("TYPE", series_, TypeWord(info ? FamilyType::kGauge : family.type), false);
  }

  std::size_t Sample(LabelSet labels, std::span<const std::string_view> more,
                     Decimal value) override {
    lines_.Sample(series_, labels, more, value);
    return 1;
  }

  std::size_t Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                        bool classic) override {
    return classic ? lines_.Histogram(labels, buckets, sum) : 0;
  }

  void Finish() override {}

 private:
  TextLines lines_;
  std::string series_;  // the name of the family's series
};

}  // namespace

std::unique_ptr<FamilyWriter> MakeTextWriter(std::string& out) {
  return std::make_unique<TextWriter>(out);
}

std::size_t TextLength(const snapshot::Snapshot& snapshot, const Options& options) {
  constexpr std::size_t kLinesPerHistogram = measure::kClassicBounds.size() + 4;
  constexpr std::size_t kLineWithoutValues = 112;
  const auto shown = [&options](FamilyId id) {
    return !options.hidden_families[static_cast<std::size_t>(id)];
  };
  std::size_t families = 0;  // of one line, and one of "_created" if they count
  for (std::size_t i = 0; i < kFunctionFamilyCount; ++i) {
    families += options.hidden_families[i] ? 0 : kFamilies[i].type == FamilyType::kCounter ? 2 : 1;
  }
  const bool origins = shown(FamilyId::kFunctionErrorOrigins);
  const bool histograms = shown(FamilyId::kFunctionDurationSeconds);
  std::size_t length = 16 * 1024 + snapshot.databases.size() * 256;
  for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
    const Exposure exposure = options.functions.empty() ? Exposure::kFull : options.functions[i];
    if (exposure == Exposure::kHidden) {
      continue;
    }
    const snapshot::FunctionStats& stats = snapshot.functions[i];
    const std::size_t lines = families + (origins ? 2 * stats.error_origins.size() : 0) +
                              (histograms && exposure == Exposure::kFull ? kLinesPerHistogram : 0);
    const std::size_t values = snapshot.databases.at(stats.database).datname.size() +
                               strnlen(stats.identity.schema, sizeof(stats.identity.schema)) +
                               strnlen(stats.identity.function, sizeof(stats.identity.function));
    length += lines * (kLineWithoutValues + values) + 256;
  }
  return length;
}

std::string RenderText(const snapshot::Snapshot& snapshot, std::size_t* samples,
                       const Options& options) {
  std::string text;
  text.reserve(TextLength(snapshot, options));
  const std::unique_ptr<FamilyWriter> writer = MakeTextWriter(text);
  FamilyWalk walk(snapshot, options, *writer);
  walk.Step(SIZE_MAX);
  if (samples != nullptr) {
    *samples = walk.samples();
  }
  return text;
}

}  // namespace pg_hello::exposition
