// What a format must be able to write. Separate from both sides: the walker (families.h) knows what
// is exposed and no format, a format (text_format.h) knows its syntax and nothing of functions or
// workers. A new format is one new implementation.
#ifndef PG_HELLO_EXPOSITION_FAMILY_WRITER_H
#define PG_HELLO_EXPOSITION_FAMILY_WRITER_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "pg_hello/exposition/decimal.h"
#include "pg_hello/exposition/metric_catalog.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Order of the calls: AddLabelSet() any number of times; then, for each family, BeginFamily() and
// its samples; at the end Finish(). Texts that are passed in need to live for the call only. May
// throw std::bad_alloc and nothing else. Not thread-safe.
class FamilyWriter {
 public:
  // Label values that many series share (those of one function), given once, so that they are
  // escaped or encoded once. The number is only good for the writer that gave it.
  using LabelSet = std::uint32_t;
  static constexpr LabelSet kNoLabels = 0;

  virtual ~FamilyWriter() = default;

  // `names` and `values` have the same length. `since_us` is when the counters with these labels
  // began to count (microseconds since the Unix epoch), for formats that carry such times.
  virtual LabelSet AddLabelSet(std::span<const std::string_view> names,
                               std::span<const std::string_view> values, std::int64_t since_us) = 0;

  // Ends the previous family. A family may end without a sample. `family` must outlive the writer.
  virtual void BeginFamily(const Family& family) = 0;

  // A sample of the current family, which is no histogram. The names of `labels` are the first of
  // family.labels(); `more` has the values of the others. Returns the number of samples it became:
  // formats that carry times have more than one.
  virtual std::size_t Sample(LabelSet labels, std::span<const std::string_view> more,
                             Decimal value) = 0;

  // A histogram of durations: the stored buckets (nanoseconds, not cumulative; a format sums them
  // up to the boundaries it has) and the sum in seconds. If not `classic`, a format leaves out
  // buckets with decimal bounds; one that has no others writes nothing. Returns the number of
  // samples it became.
  virtual std::size_t Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                                bool classic) = 0;

  // Ends the last family and the exposition.
  virtual void Finish() = 0;
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FAMILY_WRITER_H
