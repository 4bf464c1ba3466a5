// A strict reader of text 0.0.4, which ends the process at the first thing that Prometheus would
// refuse, and at some that it would not.
//
// Source: prometheus/docs, docs/instrumenting/exposition_formats.md, "Text-based format".
#ifndef PG_HELLO_TEST_FUZZ_EXPOSITION_READER_H
#define PG_HELLO_TEST_FUZZ_EXPOSITION_READER_H

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "utf8_reference.h"

namespace pg_hello::fuzz {

struct Series {
  std::string name;
  std::map<std::string, std::string> labels;  // values unescaped

  friend auto operator<=>(const Series&, const Series&) = default;
};

class ExpositionReader {
 public:
  // Every sample: no two of one series, each with a value, nothing after it.
  static std::map<Series, std::string> Read(std::string_view text) {
    FUZZ_PROMISE(IsUtf8(text) && text.ends_with('\n'));
    std::map<Series, std::string> samples;
    std::set<std::string> announced;
    std::string family;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      ExpositionReader line(text.substr(0, end));
      text.remove_prefix(end + 1);
      if (line.TakeText("# HELP ")) {
        family = line.Name();
        FUZZ_PROMISE(announced.insert(family).second);
      } else if (line.TakeText("# TYPE ")) {
        FUZZ_PROMISE(line.Name() == family);
      } else {
        auto sample = line.Sample();
        FUZZ_PROMISE(sample.first.name.starts_with(family) && !family.empty());
        FUZZ_PROMISE(samples.insert(std::move(sample)).second);
      }
    }
    return samples;
  }

 private:
  explicit ExpositionReader(std::string_view line) : rest_(line) {}

  bool TakeText(std::string_view text) {
    const bool found = rest_.starts_with(text);
    rest_.remove_prefix(found ? text.size() : 0);
    return found;
  }

  std::string Name() {
    const std::size_t length =
        std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), rest_.size());
    FUZZ_PROMISE(length > 0);
    const std::string name(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return name;
  }

  std::string LabelValue() {
    FUZZ_PROMISE(TakeText("\""));
    std::string value;
    while (!TakeText("\"")) {
      if (TakeText("\\n")) {
        value += '\n';
      } else if (TakeText("\\\\")) {
        value += '\\';
      } else if (TakeText("\\\"")) {
        value += '"';
      } else {
        FUZZ_PROMISE(!rest_.empty() && rest_.front() != '\\');
        value += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    return value;
  }

  std::pair<Series, std::string> Sample() {
    Series series{Name(), {}};
    if (TakeText("{")) {
      do {
        const std::string label = Name();
        FUZZ_PROMISE(TakeText("="));
        FUZZ_PROMISE(series.labels.emplace(label, LabelValue()).second);
      } while (TakeText(","));
      FUZZ_PROMISE(TakeText("}"));
    }
    FUZZ_PROMISE(TakeText(" "));
    FUZZ_PROMISE(!rest_.empty() &&
                 rest_.find_first_not_of("0123456789.e+-") == std::string_view::npos);
    return {series, std::string(rest_)};
  }

  std::string_view rest_;
};

}  // namespace pg_hello::fuzz

#endif  // PG_HELLO_TEST_FUZZ_EXPOSITION_READER_H
