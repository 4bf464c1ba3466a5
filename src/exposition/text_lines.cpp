// Nothing here knows which of the two formats it is, but for the style of le.
#include "exposition/text_lines.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

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
    bucket_middles_[i] = LeText(measure::kClassicBounds[i].le, le_style) + "\"} ";
  }
  bucket_middles_.back() = "+Inf\"} ";
}

FamilyWriter::LabelSet TextLines::AddLabelSet(std::span<const std::string_view> names,
                                              std::span<const std::string_view> values) {
  assert(names.size() == values.size());
  const std::size_t begin = label_text_.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) {
      label_text_.push_back(',');
    }
    AppendLabel(names[i], values[i], label_text_);
  }
  label_spans_.push_back({begin, label_text_.size() - begin, names.size()});
  return static_cast<FamilyWriter::LabelSet>(label_spans_.size() - 1);
}

void TextLines::BeginFamily(const Family& family) { family_ = &family; }

void TextLines::Metadata(std::string_view keyword, std::string_view name, std::string_view text,
                         bool quotes) {
  out_.append("# ").append(keyword).append(" ").append(name).append(" ");
  AppendEscaped(text, quotes, out_);
  out_.push_back('\n');
}

void TextLines::Sample(std::string_view suffix, FamilyWriter::LabelSet labels,
                       std::span<const std::string_view> more, Decimal value) {
  const std::span<const std::string_view> names =
      family_->labels().subspan(label_spans_[labels].labels);
  assert(names.size() == more.size());
  out_.append(family_->name).append(suffix);
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

std::size_t TextLines::Histogram(FamilyWriter::LabelSet labels, const snapshot::Buckets& buckets,
                                 Decimal sum) {
  const std::string_view label_text = TextOf(labels);
  bucket_begin_.assign(family_->name).append("_bucket{").append(label_text);
  bucket_begin_.append(label_text.empty() ? "" : ",").append(kBucketLabel).append("=\"");

  std::uint64_t total = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < measure::kClassicBounds.size(); ++i) {
    for (; next <= measure::kClassicBucketEnd[i]; ++next) {
      total += buckets[next];
    }
    out_.append(bucket_begin_).append(bucket_middles_[i]);
    Value(Decimal::Integer(total));
  }
  for (; next < buckets.size(); ++next) {
    total += buckets[next];
  }
  out_.append(bucket_begin_).append(bucket_middles_.back());
  Value(Decimal::Integer(total));

  Sample("_sum", labels, {}, sum);
  Sample("_count", labels, {}, Decimal::Integer(total));
  return measure::kClassicBounds.size() + 3;
}

std::string_view TextLines::TextOf(FamilyWriter::LabelSet labels) const {
  const LabelSpan& span = label_spans_[labels];
  return std::string_view(label_text_).substr(span.begin, span.length);
}

void TextLines::Value(Decimal value) {
  char text[kMaxDecimalChars + 1];
  char* const end = FormatDecimal(value, text);
  *end = '\n';
  out_.append(text, static_cast<std::size_t>(end + 1 - text));
}

}  // namespace pg_hello::exposition
