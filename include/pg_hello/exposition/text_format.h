// The Prometheus text format 0.0.4, what /metrics answers unless asked for something else. One
// format, one file: escaping and layout of this one are of no concern to any other.
//
// Source: prometheus/docs, docs/instrumenting/exposition_formats.md, "Text-based format".
#ifndef PG_HELLO_EXPOSITION_TEXT_FORMAT_H
#define PG_HELLO_EXPOSITION_TEXT_FORMAT_H

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/exposition/families.h"
#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Writes families as text. Label values are taken as they are, but for escaping: they must be valid
// UTF-8. Counters have "_total" in HELP and TYPE lines too; an info family is a gauge. Histograms
// have the bounds of measure::kClassicBounds and +Inf; +Inf and _count are both the sum of all
// buckets. No timestamps.
class TextWriter final : public FamilyWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  explicit TextWriter(std::string& out);

  LabelSet AddLabelSet(std::span<const std::string_view> names,
                       std::span<const std::string_view> values, std::int64_t since_us) override;
  void BeginFamily(const Family& family) override;
  void Sample(LabelSet labels, std::span<const std::string_view> more, Decimal value) override;
  std::size_t Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                        bool classic) override;
  void Finish() override;

 private:
  // A label set's text is label_text_[begin, begin + length): name="value",name="value"
  struct LabelSpan {
    std::size_t begin;
    std::size_t length;
    std::size_t labels;
  };

  std::string_view TextOf(LabelSet labels) const;
  void Value(Decimal value);

  std::string& out_;
  const Family* family_ = nullptr;
  std::string series_;       // the name of the family's series
  std::string bucket_line_;  // the part of a bucket's line before the value of le
  std::string label_text_;   // of all label sets
  std::vector<LabelSpan> label_spans_;
};

// A little more than the text's length in bytes, so that it does not move while it grows. Throws
// std::out_of_range if a function's database is not in the snapshot.
std::size_t TextLength(const snapshot::Snapshot& snapshot, const Options& options);

// The exposition of `snapshot`. If `samples` is not null, it is set to the number of samples.
// Throws as FamilyWalk does. About 2 ms for 1,000 functions.
std::string RenderText(const snapshot::Snapshot& snapshot, std::size_t* samples);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_TEXT_FORMAT_H
