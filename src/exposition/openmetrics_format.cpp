// What is OpenMetrics' own: its metadata, times of creation, and its end.
#include "pg_hello/exposition/openmetrics_format.h"

#include <cstdint>
#include <string>
#include <vector>

#include "exposition/text_lines.h"

namespace pg_hello::exposition {
namespace {

class OpenMetricsWriter final : public FamilyWriter {
 public:
  explicit OpenMetricsWriter(std::string& out)
      : out_(out), lines_(out, LeStyle::kCanonical), since_us_{0} {}

  LabelSet AddLabelSet(std::span<const std::string_view> names,
                       std::span<const std::string_view> values, std::int64_t since_us) override {
    since_us_.push_back(since_us);
    return lines_.AddLabelSet(names, values);
  }

  void BeginFamily(const Family& family) override {
    lines_.BeginFamily(family);
    series_.assign(family.name).append(SeriesSuffix(family.type));
    created_.assign(family.name).append("_created");
    lines_.Metadata("TYPE", family.name, TypeWord(family.type), true);
    if (!family.unit.empty()) {
      lines_.Metadata("UNIT", family.name, family.unit, true);
    }
    lines_.Metadata("HELP", family.name, family.help, true);
  }

  std::size_t Sample(LabelSet labels, std::span<const std::string_view> more,
                     Decimal value) override {
    const FamilyType type = lines_.family().type;
    lines_.Sample(series_, labels, more, value);
    return type == FamilyType::kCounter ? 1 + Created(labels, more) : 1;
  }

  std::size_t Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                        bool classic) override {
    return classic ? lines_.Histogram(labels, buckets, sum) + Created(labels, {}) : 0;
  }

  void Finish() override { out_.append("# EOF\n"); }

 private:
  std::size_t Created(LabelSet labels, std::span<const std::string_view> more) {
    if (since_us_[labels] == 0) {
      return 0;
    }
    lines_.Sample(created_, labels, more, Decimal::SecondsOfUs(since_us_[labels]));
    return 1;
  }

  std::string& out_;
  TextLines lines_;
  std::string series_;  // the name of the family's series
  std::string created_;
  std::vector<std::int64_t> since_us_;  // of each label set; 0: not known
};

}  // namespace

std::unique_ptr<FamilyWriter> MakeOpenMetricsWriter(std::string& out) {
  return std::make_unique<OpenMetricsWriter>(out);
}

}  // namespace pg_hello::exposition
