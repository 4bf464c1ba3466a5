// Accept in two ways. Bytes as they are: blanks, the case of what has none, and saying it twice
// change nothing. And a list made of wishes that are known, which are then weighed by the rules as
// format.h tells them.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"
#include "pg_hello/exposition/format.h"

namespace pg_hello::exposition {
namespace {

using fuzz::Input;

bool IsTokenCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// With blanks around separators and letters of the other case, outside quotes and values. Nothing
// if a quote is left open.
std::string Disguised(std::string_view accept, bool* balanced) {
  std::string other;
  bool quoted = false;
  bool value = false;
  for (std::size_t i = 0; i < accept.size(); ++i) {
    const char c = accept[i];
    if (quoted) {
      other += c;
      if (c == '\\' && i + 1 < accept.size()) {
        other += accept[++i];
      } else if (c == '"') {
        quoted = false;
      }
      continue;
    }
    quoted = c == '"';
    value = c == '=' || (value && IsTokenCharacter(c));
    if (c == ',' || c == ';') {
      other.append(" \t").append(1, c).append("\t ");
    } else if (!value && std::isalpha(static_cast<unsigned char>(c)) != 0) {
      other += static_cast<char>(c ^ 0x20);
    } else {
      other += c;
    }
  }
  *balanced = !quoted;
  return other;
}

void CheckBytes(std::string_view accept) {
  const Format format = ChooseFormat(accept);
  FUZZ_PROMISE(std::string_view(ContentType(format)).find('/') != std::string_view::npos);
  bool balanced = false;
  const std::string disguised = Disguised(accept, &balanced);
  FUZZ_PROMISE(ChooseFormat(disguised) == format);
  if (balanced) {
    const std::string text(accept);
    FUZZ_PROMISE(ChooseFormat(text + "," + text) == format);
    FUZZ_PROMISE(ChooseFormat(",, ;, a/, " + text + ", b/c;q=7") == format);
  }
}

// What can be wished for: its text, how exact that is, and which formats it means.
struct Choice {
  std::string_view text;
  int exactness;
  std::vector<Format> formats;
};

const std::vector<Choice>& Choices() {
  static const std::vector<Choice> choices = {
      {"*/*", 0, {Format::kText, Format::kOpenMetrics, Format::kProtobuf}},
      {"text/*", 1, {Format::kText}},
      {"application/*", 1, {Format::kOpenMetrics, Format::kProtobuf}},
      {"application/openmetrics-text", 2, {Format::kOpenMetrics}},
      {"Application/OpenMetrics-Text; version=\"0.0.1\"", 2, {Format::kOpenMetrics}},
      {"application/openmetrics-text;version=2.0.0", 2, {}},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
       2,
       {Format::kProtobuf}},
      {"application/vnd.google.protobuf;encoding=delimited", 2, {}},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
       2,
       {}},
      {"text/plain", 2, {Format::kText}},
      {"text/plain;version=0.0.4", 2, {Format::kText}},
      {"Text/Plain ; Version=\"1.0.0\";escaping=underscores", 2, {Format::kText}},
      {"text/plain;version=0.0.5", 2, {}},
      {"text/html", 2, {}},
      {"text/html;a=\"text/plain,*/*\\\"\"", 2, {}},
  };
  return choices;
}

// In the order of preference when all else is equal.
constexpr std::array kFormats = {Format::kText, Format::kOpenMetrics, Format::kProtobuf};

struct Wish {
  const Choice* choice;
  int quality;  // in thousandths
};

std::string QualityText(int quality, std::size_t style) {
  if (quality == 1000 && style == 0) {
    return "";
  }
  std::string digits = std::to_string(quality % 1000);
  digits.insert(0, 3 - digits.size(), '0');
  while (style % 2 == 0 && !digits.empty() && digits.back() == '0') {
    digits.pop_back();
  }
  return std::string(style < 2 ? ";q=" : " ;\tQ=") + (quality == 1000 ? "1." : "0.") + digits;
}

// By the words of format.h: what counts of a format is the wish that names it most exactly, of
// several such the one liked best, then the first.
Format Expected(const std::vector<Wish>& wishes) {
  Format best = Format::kText;
  int best_quality = 0;
  int best_exactness = -1;
  std::size_t best_position = 0;
  for (const Format format : kFormats) {
    int exactness = -1;
    int quality = 0;
    std::size_t position = 0;
    for (std::size_t i = 0; i < wishes.size(); ++i) {
      const Choice& choice = *wishes[i].choice;
      if (std::find(choice.formats.begin(), choice.formats.end(), format) == choice.formats.end()) {
        continue;
      }
      if (choice.exactness > exactness ||
          (choice.exactness == exactness && wishes[i].quality > quality)) {
        exactness = choice.exactness;
        quality = wishes[i].quality;
        position = i;
      }
    }
    const bool better =
        quality > best_quality ||
        (quality == best_quality &&
         (exactness > best_exactness || (exactness == best_exactness && position < best_position)));
    if (quality > 0 && better) {
      best = format;
      best_quality = quality;
      best_exactness = exactness;
      best_position = position;
    }
  }
  return best;
}

void CheckWishes(Input in) {
  std::vector<Wish> wishes;
  std::string accept;
  while (!in.AtEnd() && wishes.size() < 12) {
    const Choice& choice = Choices()[in.Below(Choices().size())];
    const std::size_t style = in.Below(4);
    const int quality = static_cast<int>((in.Byte() * 256U + in.Byte()) % 1001);
    accept.append(wishes.empty() ? "" : style % 2 == 0 ? "," : " ,\t, x");
    if (style % 2 != 0 && !wishes.empty()) {
      accept.append(" ,");  // "x" is no media type
    }
    accept.append(choice.text).append(QualityText(quality, style));
    wishes.push_back({&choice, quality});
  }
  FUZZ_PROMISE(ChooseFormat(accept) == Expected(wishes));
  CheckBytes(accept);
}

}  // namespace
}  // namespace pg_hello::exposition

// The first byte says which way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello::exposition;  // NOLINT(google-build-using-namespace)
  pg_hello::fuzz::Input in(pg_hello::fuzz::TextOf(data, size));
  if (in.Byte() == 'w') {
    CheckWishes(in);
  } else {
    CheckBytes(in.Bytes(size));
  }
  return 0;
}
