// The messages, and the way from stored buckets to spans and deltas. The only file that knows
// protozero.
#include "pg_hello/exposition/protobuf_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "exposition/classic_buckets.h"
#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::exposition {
namespace {

// Field numbers; the names are the messages' and their fields'.
enum MetricFamilyField { kName = 1, kHelp = 2, kType = 3, kMetric = 4, kUnit = 5 };
enum MetricField { kLabel = 1, kGauge = 2, kCounter = 3, kHistogram = 7 };
enum LabelPairField { kLabelName = 1, kLabelValue = 2 };
enum CounterField { kCounterValue = 1, kCounterCreated = 3 };
enum GaugeField { kGaugeValue = 1 };
enum TimestampField { kSeconds = 1, kNanos = 2 };
enum HistogramField {
  kSampleCount = 1,
  kSampleSum = 2,
  kBucket = 3,
  kSchema = 5,
  kZeroThreshold = 6,
  kZeroCount = 7,
  kPositiveSpan = 12,
  kPositiveDelta = 13,
  kHistogramCreated = 15,
};
enum BucketField { kCumulativeCount = 1, kUpperBound = 2 };
enum BucketSpanField { kOffset = 1, kLength = 2 };

// enum MetricType
constexpr int kTypeCounter = 0;
constexpr int kTypeGauge = 1;
constexpr int kTypeHistogram = 4;

// What is in the first stored bucket is in the zero bucket.
constexpr double kZeroBreadth = 0x1p-20;
static_assert(measure::kMinExponent == -20 && measure::kNativeBucketEnd[0] == 0);

// The index of the native bucket that has each stored bucket. That with index i has the upper bound
// 2^(i/8); 1024 * 8 is that of the greatest double, and the next bucket ends at +Inf.
constexpr std::array<std::int16_t, measure::kBucketCount> kNativeIndex = []() {
  std::array<std::int16_t, measure::kBucketCount> indexes{};
  std::size_t bucket = 0;
  for (std::size_t k = 0; k < measure::kNativeBoundCount; ++k) {
    for (; bucket <= measure::kNativeBucketEnd[k]; ++bucket) {
      indexes[bucket] = static_cast<std::int16_t>(
          measure::kMinExponent * measure::kBoundsPerOctave + static_cast<int>(k));
    }
  }
  indexes[bucket] = 1024 * measure::kBoundsPerOctave + 1;
  return indexes;
}();

// Up to so many empty buckets are cheaper to write than a new span (as client_golang does it).
constexpr int kBridgedGap = 2;

using protozero::pbf_writer;

int TypeNumber(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return kTypeCounter;
    case FamilyType::kHistogram:
      return kTypeHistogram;
    case FamilyType::kGauge:
    case FamilyType::kInfo:
      break;
  }
  return kTypeGauge;
}

// Of a field whose number is so small that it is one byte.
constexpr char Tag(int field, protozero::pbf_wire_type type) {
  return static_cast<char>((field << 3) | static_cast<int>(type));
}

// At most so long are a tag with a number or with a length, with a double, and a Timestamp.
constexpr std::size_t kMaxVarintField = 1 + protozero::max_varint_length;
constexpr std::size_t kDoubleField = 1 + sizeof(double);
constexpr std::size_t kMaxTimestampField = 2 + 2 * kMaxVarintField;

// Writes fields where there is room for them: the numbers of a sample are so few bytes, and so many
// samples there are, that a buffer that might have to grow is most of what they cost.
class Fields {
 public:
  explicit Fields(char* begin) : end_(begin) {}

  char* end() const { return end_; }

  void Varint(int field, std::uint64_t value) {
    *end_++ = Tag(field, protozero::pbf_wire_type::varint);
    Number(value);
  }
  void Double(int field, double value) {
    *end_++ = Tag(field, protozero::pbf_wire_type::fixed64);
    std::memcpy(end_, &value, sizeof(value));
    if constexpr (std::endian::native == std::endian::big) {
      std::reverse(end_, end_ + sizeof(value));
    }
    end_ += sizeof(value);
  }
  // What comes before a message, or before packed numbers.
  void Length(int field, std::size_t length) {
    *end_++ = Tag(field, protozero::pbf_wire_type::length_delimited);
    Number(length);
  }
  void Message(int field, std::string_view message) {
    Length(field, message.size());
    end_ = std::copy(message.begin(), message.end(), end_);
  }
  void Number(std::uint64_t value) { end_ += protozero::write_varint(end_, value); }

 private:
  char* end_;
};

std::size_t LengthOf(std::uint64_t number) {
  return static_cast<std::size_t>(protozero::length_of_varint(number));
}

protozero::data_view View(std::string_view text) { return {text.data(), text.size()}; }

// Positive buckets as the format has them: runs of buckets, and each count less the one before.
class SparseBuckets {
 public:
  // REQUIRES: count > 0. In ascending order of the indexes, which may repeat.
  void Add(int index, std::uint64_t count) {
    if (span_count_ > 0 && index == end_ - 1) {
      deltas_[delta_count_ - 1] += static_cast<std::int64_t>(count);
      previous_ += count;
      return;
    }
    const int gap = index - end_;
    if (span_count_ == 0 || gap > kBridgedGap) {
      spans_[span_count_++] = {gap, 0};
    } else {
      for (int i = 0; i < gap; ++i) {
        Append(0);
      }
    }
    Append(count);
    end_ = index + 1;
  }

  void Write(Fields& histogram) const {
    for (std::size_t i = 0; i < span_count_; ++i) {
      const std::uint64_t offset = protozero::encode_zigzag32(spans_[i].offset);
      histogram.Length(kPositiveSpan, 2 + LengthOf(offset) + LengthOf(spans_[i].length));
      histogram.Varint(kOffset, offset);
      histogram.Varint(kLength, spans_[i].length);
    }
    std::size_t length = 0;
    for (std::size_t i = 0; i < delta_count_; ++i) {
      length += LengthOf(protozero::encode_zigzag64(deltas_[i]));
    }
    if (length == 0) {
      return;
    }
    histogram.Length(kPositiveDelta, length);
    for (std::size_t i = 0; i < delta_count_; ++i) {
      histogram.Number(protozero::encode_zigzag64(deltas_[i]));
    }
  }

  static constexpr std::size_t kMost = measure::kNativeBoundCount + 1;
  // All buckets, each in a span of its own.
  static constexpr std::size_t kMaxBytes =
      kMost * (3 * kMaxVarintField + protozero::max_varint_length) + kMaxVarintField;

 private:
  struct Span {
    std::int32_t offset;  // from the end of the span before, or from index 0
    std::uint32_t length;
  };

  void Append(std::uint64_t count) {
    deltas_[delta_count_++] = static_cast<std::int64_t>(count - previous_);
    previous_ = count;
    ++spans_[span_count_ - 1].length;
  }

  std::array<Span, kMost> spans_;
  std::array<std::int64_t, kMost> deltas_;
  std::size_t span_count_ = 0;
  std::size_t delta_count_ = 0;
  std::uint64_t previous_ = 0;
  int end_ = 0;
};

constexpr std::size_t kMaxHistogramBytes =
    4 * kMaxVarintField + 2 * kDoubleField +
    measure::kClassicBounds.size() * (2 * kMaxVarintField + kDoubleField) +
    SparseBuckets::kMaxBytes + kMaxTimestampField;

using UpperBounds = std::array<double, measure::kClassicBounds.size()>;

UpperBounds UpperBoundsSeconds() {
  UpperBounds bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = ToDouble(Decimal::SecondsOfNs(measure::kClassicBounds[i].ns));
  }
  return bounds;
}

class ProtobufWriter final : public FamilyWriter {
 public:
  explicit ProtobufWriter(std::string& out) : out_(out), label_sets_{{}} {}

  LabelSet AddLabelSet(std::span<const std::string_view> names,
                       std::span<const std::string_view> values, std::int64_t since_us) override {
    assert(names.size() == values.size());
    EncodedLabels set;
    set.labels_begin = encoded_.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
      AddLabel(names[i], values[i], encoded_);
    }
    set.created_begin = encoded_.size();
    if (since_us != 0) {
      // Nanoseconds of a Timestamp are never negative.
      const std::int64_t rest = ((since_us % 1'000'000) + 1'000'000) % 1'000'000;
      pbf_writer created(encoded_);
      created.add_int64(kSeconds, (since_us - rest) / 1'000'000);
      created.add_int32(kNanos, static_cast<std::int32_t>(rest * 1000));
    }
    set.end = encoded_.size();
    set.labels = names.size();
    label_sets_.push_back(set);
    return static_cast<LabelSet>(label_sets_.size() - 1);
  }

  void BeginFamily(const Family& family) override {
    EndFamily();
    family_ = &family;
    message_.clear();
    pbf_writer message(message_);
    message.add_string(kName, std::string(family.name).append(SeriesSuffix(family.type)));
    message.add_string(kHelp, View(family.help));
    message.add_enum(kType, TypeNumber(family.type));
    if (!family.unit.empty()) {
      message.add_string(kUnit, View(family.unit));
    }
  }

  std::size_t Sample(LabelSet labels, std::span<const std::string_view> more,
                     Decimal value) override {
    std::array<char, kDoubleField + kMaxTimestampField> room;
    Fields number(room.data());
    const bool counter = family_->type == FamilyType::kCounter;
    // A counter's value has the same number as a gauge's.
    number.Double(kGaugeValue, ToDouble(value));
    if (const std::string_view created = Created(labels); counter && !created.empty()) {
      number.Message(kCounterCreated, created);
    }
    return Metric(labels, more, counter ? kCounter : kGauge, {room.data(), number.end()});
  }

  std::size_t Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                        bool classic) override {
    Fields histogram(histogram_.data());
    const std::span<const std::uint64_t> counts = buckets.counts();
    histogram.Varint(kSampleCount, std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    histogram.Double(kSampleSum, ToDouble(sum));
    if (classic) {
      AddClassicBuckets(ClassicCounts(buckets), histogram);
    }
    AddNativeBuckets(buckets, histogram);
    if (const std::string_view created = Created(labels); !created.empty()) {
      histogram.Message(kHistogramCreated, created);
    }
    // As Prometheus counts: a native histogram is one sample.
    return Metric(labels, {}, kHistogram, {histogram_.data(), histogram.end()}) +
           (classic ? measure::kClassicBounds.size() + 3 : 0);
  }

  void Finish() override { EndFamily(); }

 private:
  // Metric.label and the Timestamp of creation (empty: not known) of a label set, ready to be
  // copied: encoded_[labels_begin, created_begin) and encoded_[created_begin, end).
  struct EncodedLabels {
    std::size_t labels_begin = 0;
    std::size_t created_begin = 0;
    std::size_t end = 0;
    std::size_t labels = 0;  // how many
  };

  void AddLabel(std::string_view name, std::string_view value, std::string& metric) {
    scratch_.clear();
    pbf_writer pair(scratch_);
    pair.add_string(kLabelName, View(name));
    pair.add_string(kLabelValue, View(value));
    pbf_writer(metric).add_message(kLabel, scratch_);
  }

  // Empty if it is not known.
  std::string_view Created(LabelSet labels) const {
    const EncodedLabels& set = label_sets_[labels];
    return std::string_view(encoded_).substr(set.created_begin, set.end - set.created_begin);
  }

  // Adds a Metric to the family; `value` is its Counter, Gauge or Histogram.
  std::size_t Metric(LabelSet labels, std::span<const std::string_view> more, MetricField field,
                     std::string_view value) {
    const EncodedLabels& set = label_sets_[labels];
    const std::span<const std::string_view> names = family_->labels().subspan(set.labels);
    assert(names.size() == more.size());
    more_.clear();
    for (std::size_t i = 0; i < names.size(); ++i) {
      AddLabel(names[i], more[i], more_);
    }
    const std::size_t shared = set.created_begin - set.labels_begin;
    // Its length comes first, and is known: nothing is written twice.
    const std::size_t length = shared + more_.size() + 1 + LengthOf(value.size()) + value.size();
    AddPrefix(kMetric, length);
    message_.append(encoded_, set.labels_begin, shared).append(more_);
    AddPrefix(field, value.size());
    message_.append(value);
    has_metrics_ = true;
    return 1;
  }

  // Of a message in message_.
  void AddPrefix(int field, std::size_t length) {
    std::array<char, kMaxVarintField> room;
    Fields prefix(room.data());
    prefix.Length(field, length);
    message_.append(room.data(), prefix.end());
  }

  void AddClassicBuckets(const ClassicCountArray& counts, Fields& histogram) const {
    for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
      histogram.Length(kBucket, 1 + LengthOf(counts[i]) + kDoubleField);
      histogram.Varint(kCumulativeCount, counts[i]);
      histogram.Double(kUpperBound, upper_bounds_[i]);
    }
  }

  static void AddNativeBuckets(const snapshot::Buckets& buckets, Fields& histogram) {
    histogram.Varint(kSchema, protozero::encode_zigzag32(measure::kNativeSchema));
    histogram.Double(kZeroThreshold, kZeroBreadth);
    histogram.Varint(kZeroCount, buckets[0]);
    SparseBuckets sparse;
    const std::span<const std::uint64_t> counts = buckets.counts();
    for (std::size_t i = buckets.first() == 0 ? 1 : 0; i < counts.size(); ++i) {
      if (counts[i] > 0) {
        sparse.Add(kNativeIndex[buckets.first() + i], counts[i]);
      }
    }
    sparse.Write(histogram);
  }

  void EndFamily() {
    if (has_metrics_) {
      protozero::add_varint_to_buffer(&out_, message_.size());
      out_.append(message_);
    }
    has_metrics_ = false;
  }

  const UpperBounds upper_bounds_ = UpperBoundsSeconds();
  std::string& out_;
  const Family* family_ = nullptr;
  bool has_metrics_ = false;
  std::string message_;  // the family, without its length
  std::string more_;     // labels of one Metric alone
  std::array<char, kMaxHistogramBytes> histogram_;
  std::string scratch_;  // the innermost message
  std::string encoded_;  // of all label sets
  std::vector<EncodedLabels> label_sets_;
};

}  // namespace

std::unique_ptr<FamilyWriter> MakeProtobufWriter(std::string& out) {
  return std::make_unique<ProtobufWriter>(out);
}

}  // namespace pg_hello::exposition
