// A pattern and a text: the matcher agrees with the definition written down as a table.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"
#include "pg_hello/measure/utf8.h"
#include "pg_hello/selection/glob.h"
#include "utf8_reference.h"

namespace pg_hello {
namespace {

std::vector<std::string> CodePoints(std::string_view text) {
  std::vector<std::string> points;
  while (!text.empty()) {
    const std::size_t length = fuzz::CodePointLength(text);
    points.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return points;
}

// One element of a pattern.
struct Part {
  enum Kind { kAny, kOne, kItself } kind;
  std::string itself;
};

std::vector<Part> Parts(std::string_view pattern) {
  std::vector<Part> parts;
  const std::vector<std::string> points = CodePoints(pattern);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i] == "\\") {
      parts.push_back({Part::kItself, points.at(++i)});
    } else if (points[i] == "*") {
      parts.push_back({Part::kAny, ""});
    } else {
      parts.push_back({points[i] == "?" ? Part::kOne : Part::kItself, points[i]});
    }
  }
  return parts;
}

bool Matches(const std::vector<Part>& parts, const std::vector<std::string>& text) {
  // reached[i]: the parts so far can stand for the first i characters.
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  for (const Part& part : parts) {
    std::vector<bool> next(text.size() + 1);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (part.kind == Part::kAny) {
        next[i] = reached[i] || (i > 0 && next[i - 1]);
      } else if (i > 0 && reached[i - 1]) {
        next[i] = part.kind == Part::kOne || part.itself == text[i - 1];
      }
    }
    reached = next;
  }
  return reached[text.size()];
}

}  // namespace
}  // namespace pg_hello

// The first byte is the pattern's length; the text is what follows it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello;  // NOLINT(google-build-using-namespace)
  fuzz::Input in(fuzz::TextOf(data, size));
  const std::string_view pattern = in.Text();
  const std::string text = measure::ToValidUtf8(in.Bytes(size), nullptr);
  if (selection::GlobFault(pattern) == nullptr) {
    FUZZ_PROMISE(fuzz::IsUtf8(pattern) && !pattern.empty());
    FUZZ_PROMISE(selection::GlobMatches(pattern, text) ==
                 Matches(Parts(pattern), CodePoints(text)));
  } else {
    selection::GlobMatches(pattern, text);  // does no harm
  }
  return 0;
}
