// The lines that text format 0.0.4 and OpenMetrics have in common: names, labels, escaping, values
// and the buckets of a histogram. Written for speed where it matters: a histogram is 26 lines that
// differ in a few bytes, so their common parts are built once.
#ifndef PG_HELLO_EXPOSITION_TEXT_LINES_H
#define PG_HELLO_EXPOSITION_TEXT_LINES_H

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::exposition {

// How a format writes the values of `le` in a bucket's line.
enum class LeStyle {
  kShortest,   // 1
  kCanonical,  // 1.0: OpenMetrics 1.0, "Canonical Numbers"
};

// The argument and result types are those of FamilyWriter, and so are the rules of use.
class TextLines {
 public:
  // Appends to `out`, which must outlive it.
  TextLines(std::string& out, LeStyle le_style);

  FamilyWriter::LabelSet AddLabelSet(std::span<const std::string_view> names,
                                     std::span<const std::string_view> values);

  // What follows is of this family.
  void BeginFamily(const Family& family);
  const Family& family() const { return *family_; }

  // "# <keyword> <name> <text>", the text with backslash, LF and, if `quotes`, double quotes
  // escaped.
  void Metadata(std::string_view keyword, std::string_view name, std::string_view text,
                bool quotes);

  // A line of the series that is called `name`. By reference, for there are more arguments than
  // registers, and the compiler reads a copy on the stack in a way that waits for its stores.
  void Sample(std::string_view name, FamilyWriter::LabelSet labels,
              std::span<const std::string_view> more, const Decimal& value);

  // The lines of a histogram with the bounds of measure::kClassicBounds and +Inf. +Inf and _count
  // are both the sum of all buckets. Returns how many lines they are.
  std::size_t Histogram(FamilyWriter::LabelSet labels, const snapshot::Buckets& buckets,
                        Decimal sum);

 private:
  // A label set's text is label_text_[begin, begin + length): {name="value",name="value"
  struct LabelSpan {
    std::size_t begin;
    std::size_t length;
    std::size_t labels;
  };

  std::string_view TextOf(FamilyWriter::LabelSet labels) const;
  // The end of a line, after the last label or, if `labels` is false, after the name.
  void End(bool labels, Decimal value);

  std::string& out_;
  const Family* family_ = nullptr;
  std::span<const std::string_view> label_names_;  // the family's
  std::string sum_name_;  // of a histogram's series
  std::string count_name_;
  std::string bucket_begin_;  // a bucket's line up to the value of le
  std::array<std::string, measure::kClassicBounds.size() + 1> le_ends_;  // le" for each
  std::string label_text_;                                               // of all label sets
  std::vector<LabelSpan> label_spans_;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_TEXT_LINES_H
