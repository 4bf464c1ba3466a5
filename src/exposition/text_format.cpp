// The syntax of text format 0.0.4, and nothing else. Written for speed where it matters: a
// histogram is 26 lines that differ in a few bytes, so their common part is built once.
#include "pg_hello/exposition/text_format.h"

#include <cassert>
#include <cstdint>
#include <cstring>

#include "pg_hello/measure/latency_buckets.h"

namespace pg_hello::exposition {
namespace {

const char* TypeWord(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kGauge:
    case FamilyType::kInfo:
      break;
  }
  return "gauge";
}

// Appends `text` with backslash, LF and, if `quotes`, double quotes escaped.
void AppendEscaped(std::string_view text, bool quotes, std::string& out) {
  const std::string_view special = quotes ? "\\\n\"" : "\\\n";
  while (true) {
    const std::size_t plain = text.find_first_of(special);
    out.append(text.substr(0, plain));
    if (plain == std::string_view::npos) {
      return;
    }
    out.push_back('\\');
    out.push_back(text[plain] == '\n' ? 'n' : text[plain]);
    text.remove_prefix(plain + 1);
  }
}

void AppendLabel(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append("=\"");
  AppendEscaped(value, true, out);
  out.push_back('"');
}

}  // namespace

TextWriter::TextWriter(std::string& out) : out_(out), label_spans_{{0, 0, 0}} {}

FamilyWriter::LabelSet TextWriter::AddLabelSet(std::span<const std::string_view> names,
                                               std::span<const std::string_view> values,
                                               std::int64_t /*since_us*/) {
  assert(names.size() == values.size());
  const std::size_t begin = label_text_.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) {
      label_text_.push_back(',');
    }
    AppendLabel(names[i], values[i], label_text_);
  }
  label_spans_.push_back({begin, label_text_.size() - begin, names.size()});
  return static_cast<LabelSet>(label_spans_.size() - 1);
}

void TextWriter::BeginFamily(const Family& family) {
  family_ = &family;
  series_.assign(family.name).append(SeriesSuffix(family.type));
  out_.append("# HELP ").append(series_).append(" ");
  AppendEscaped(family.help, false, out_);
  out_.append("\n# TYPE ").append(series_).append(" ").append(TypeWord(family.type)).append("\n");
}

void TextWriter::Sample(LabelSet labels, std::span<const std::string_view> more, Decimal value) {
  const std::span<const std::string_view> names =
      family_->labels().subspan(label_spans_[labels].labels);
  assert(names.size() == more.size());
  out_.append(series_);
  char before = '{';
  if (const std::string_view shared = TextOf(labels); !shared.empty()) {
    out_.push_back(before);
    out_.append(shared);
    before = ',';
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    out_.push_back(before);
    AppendLabel(names[i], more[i], out_);
    before = ',';
  }
  if (before == ',') {
    out_.push_back('}');
  }
  out_.push_back(' ');
  Value(value);
}

std::size_t TextWriter::Histogram(LabelSet labels, const snapshot::Buckets& buckets, Decimal sum,
                                  bool classic) {
  if (!classic) {
    return 0;
  }
  const std::string_view label_text = TextOf(labels);
  bucket_line_.assign(series_).append("_bucket{").append(label_text);
  if (!label_text.empty()) {
    bucket_line_.push_back(',');
  }
  bucket_line_.append(kBucketLabel).append("=\"");

  std::uint64_t total = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    for (; next <= measure::kClassicBucketEnd[i]; ++next) {
      total += buckets[next];
    }
    out_.append(bucket_line_).append(measure::kClassicBounds[i].le).append("\"} ");
    Value(Decimal::Integer(total));
  }
  for (; next < buckets.size(); ++next) {
    total += buckets[next];
  }
  out_.append(bucket_line_).append("+Inf\"} ");
  Value(Decimal::Integer(total));

  for (const bool is_sum : {true, false}) {
    out_.append(series_).append(is_sum ? "_sum" : "_count");
    if (!label_text.empty()) {
      out_.append("{").append(label_text).append("}");
    }
    out_.push_back(' ');
    Value(is_sum ? sum : Decimal::Integer(total));
  }
  return measure::kClassicBounds.size() + 3;
}

void TextWriter::Finish() {}

std::string_view TextWriter::TextOf(LabelSet labels) const {
  const LabelSpan& span = label_spans_[labels];
  return std::string_view(label_text_).substr(span.begin, span.length);
}

void TextWriter::Value(Decimal value) {
  char text[kMaxDecimalChars + 1];
  char* const end = FormatDecimal(value, text);
  *end = '\n';
  out_.append(text, static_cast<std::size_t>(end + 1 - text));
}

std::size_t TextLength(const snapshot::Snapshot& snapshot, const Options& options) {
  constexpr std::size_t kLinesPerFunction = 12;
  constexpr std::size_t kLinesPerHistogram = measure::kClassicBounds.size() + 3;
  constexpr std::size_t kLineWithoutValues = 112;
  std::size_t length = 16 * 1024 + snapshot.databases.size() * 256;
  for (std::size_t i = 0; i < snapshot.functions.size(); ++i) {
    const Exposure exposure = options.functions.empty() ? Exposure::kFull : options.functions[i];
    if (exposure == Exposure::kHidden) {
      continue;
    }
    const snapshot::FunctionStats& stats = snapshot.functions[i];
    const std::size_t lines = kLinesPerFunction + stats.error_origins.size() +
                              (exposure == Exposure::kFull ? kLinesPerHistogram : 0);
    const std::size_t values = snapshot.databases.at(stats.database).datname.size() +
                               strnlen(stats.identity.schema, sizeof(stats.identity.schema)) +
                               strnlen(stats.identity.function, sizeof(stats.identity.function));
    length += lines * (kLineWithoutValues + values) + 256;
  }
  return length;
}

std::string RenderText(const snapshot::Snapshot& snapshot, std::size_t* samples) {
  const Options options;
  std::string text;
  text.reserve(TextLength(snapshot, options));
  TextWriter writer(text);
  FamilyWalk walk(snapshot, options, writer);
  walk.Step(SIZE_MAX);
  if (samples != nullptr) {
    *samples = walk.samples();
  }
  return text;
}

}  // namespace pg_hello::exposition
