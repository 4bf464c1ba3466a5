// Nothing here knows which of the two formats it is, but for the style of le.
#include "exposition/text_lines.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "exposition/classic_buckets.h"

namespace pg_hello::exposition {
namespace {

// Appends `text` with backslash, LF and, if `quotes`, double quotes escaped.
void AppendEscaped(std::string_view text, bool quotes, std::string& out) {
  const auto special = [quotes](char c) { return c == '\\' || c == '\n' || (quotes && c == '"'); };
  while (true) {
    const auto plain = std::find_if(text.begin(), text.end(), special);
    out.append(text.begin(), plain);
    if (plain == text.end()) {
      return;
    }
    out.push_back('\\');
    out.push_back(*plain == '\n' ? 'n' : *plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()) + 1);
  }
}

void AppendLabel(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append("=\"");
  AppendEscaped(value, true, out);
  out.push_back('"');
}

std::string LeText(std::string_view shortest, LeStyle style) {
  const bool whole = shortest.find_first_of(".e") == std::string_view::npos;
  return std::string(shortest).append(style == LeStyle::kCanonical && whole ? ".0" : "");
}

}  // namespace

TextLines::TextLines(std::string& out, LeStyle le_style) : out_(out), label_spans_{{0, 0, 0}} {
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    le_ends_[i] = LeText(measure::kClassicBounds[i].le, le_style) + '"';
  }
  le_ends_.back() = "+Inf\"";
}

FamilyWriter::LabelSet TextLines::AddLabelSet(std::span<const std::string_view> names,
                                              std::span<const std::string_view> values) {
  assert(names.size() == values.size());
  const std::size_t begin = label_text_.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    label_text_.push_back(i == 0 ? '{' : ',');
    AppendLabel(names[i], values[i], label_text_);
  }
  label_spans_.push_back({begin, label_text_.size() - begin, names.size()});
  return static_cast<FamilyWriter::LabelSet>(label_spans_.size() - 1);
}

void TextLines::BeginFamily(const Family& family) {
  family_ = &family;
  label_names_ = family.labels();
  sum_name_.assign(family.name).append("_sum");
  count_name_.assign(family.name).append("_count");
}

void TextLines::Metadata(std::string_view keyword, std::string_view name, std::string_view text,
                         bool quotes) {
  out_.append("# ").append(keyword).append(" ").append(name).append(" ");
  AppendEscaped(text, quotes, out_);
  out_.push_back('\n');
}

void TextLines::Sample(std::string_view name, FamilyWriter::LabelSet labels,
                       std::span<const std::string_view> more, const Decimal& value) {
  const std::span<const std::string_view> names = label_names_.subspan(label_spans_[labels].labels);
  assert(names.size() == more.size());
  const std::string_view shared = TextOf(labels);
  out_.append(name).append(shared);
  bool any = !shared.empty();
  for (std::size_t i = 0; i < names.size(); ++i) {
    out_.push_back(any ? ',' : '{');
    AppendLabel(names[i], more[i], out_);
    any = true;
  }
  End(any, value);
}

std::size_t TextLines::Histogram(FamilyWriter::LabelSet labels, const snapshot::Buckets& buckets,
                                 Decimal sum) {
  const std::string_view label_text = TextOf(labels);
  bucket_begin_.assign(family_->name).append("_bucket").append(label_text);
  bucket_begin_.append(label_text.empty() ? "{" : ",").append(kBucketLabel).append("=\"");

  const ClassicCountArray counts = ClassicCounts(buckets);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out_.append(bucket_begin_).append(le_ends_[i]);
    End(true, Decimal::Integer(counts[i]));
  }
  Sample(sum_name_, labels, {}, sum);
  Sample(count_name_, labels, {}, Decimal::Integer(counts.back()));
  return measure::kClassicBounds.size() + 3;
}

std::string_view TextLines::TextOf(FamilyWriter::LabelSet labels) const {
  const LabelSpan& span = label_spans_[labels];
  return std::string_view(label_text_).substr(span.begin, span.length);
}

void TextLines::End(bool labels, Decimal value) {
  char text[kMaxDecimalChars + 3];
  char* end = text;
  if (labels) {
    *end++ = '}';
  }
  *end++ = ' ';
  end = FormatDecimal(value, end);
  *end++ = '\n';
  out_.append(text, static_cast<std::size_t>(end - text));
}

}  // namespace pg_hello::exposition
