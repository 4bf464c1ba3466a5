// The grammar of Accept and the rules of preference; the only file that knows media types.
#include "pg_hello/exposition/format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace pg_hello::exposition {
namespace {

constexpr int kThousandths = 1000;  // a quality of 1

// A parameter that a media type is recognised by, and the values that mean our format.
struct Parameter {
  std::string_view name;
  std::array<std::string_view, 2> values;  // the second may be empty
  bool required;
};

struct MediaType {
  Format format;
  std::string_view type;
  std::string_view subtype;
  const char* content_type;
  std::array<Parameter, 2> parameters;
};

// In the order of our own preference. Text 1.0.0 is text 0.0.4 but for names that need an escaping
// scheme, of which there are none here; it is asked for by Prometheus 3.
constexpr std::array kMediaTypes = {
    MediaType{Format::kText,
              "text",
              "plain",
              "text/plain; version=0.0.4; charset=utf-8",
              {{{"version", {"0.0.4", "1.0.0"}, false}}}},
    MediaType{Format::kOpenMetrics,
              "application",
              "openmetrics-text",
              "application/openmetrics-text; version=1.0.0; charset=utf-8",
              {{{"version", {"1.0.0", "0.0.1"}, false}}}},
    MediaType{Format::kProtobuf,
              "application",
              "vnd.google.protobuf",
              "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
              "encoding=delimited",
              {{{"proto", {"io.prometheus.client.MetricFamily"}, true},
                {"encoding", {"delimited"}, true}}}},
};

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

bool IsTokenCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Reads a list from its start. What is read is gone from it.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }

  void SkipSpace() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  bool Take(char c) {
    const bool found = rest_.starts_with(c);
    rest_.remove_prefix(found ? 1 : 0);
    return found;
  }

  // Empty if there is none.
  std::string_view Token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsTokenCharacter);
    return Cut(static_cast<std::size_t>(end - rest_.begin()));
  }

  // A token, or what is between quotes, with backslashes as they are: no value that means something
  // here needs any.
  std::optional<std::string_view> TokenOrQuoted() {
    if (!rest_.starts_with('"')) {
      const std::string_view token = Token();
      return token.empty() ? std::nullopt : std::optional(token);
    }
    const std::string_view quoted = Cut(QuotedLength());
    if (quoted.size() < 2 || quoted.back() != '"') {
      return std::nullopt;
    }
    return quoted.substr(1, quoted.size() - 2);
  }

  // To the next element of the list.
  void SkipElement() {
    while (!AtEnd() && !Take(',')) {
      Cut(rest_.starts_with('"') ? QuotedLength() : 1);
    }
  }

 private:
  std::string_view Cut(std::size_t length) {
    const std::string_view cut = rest_.substr(0, length);
    rest_.remove_prefix(cut.size());
    return cut;
  }

  // With both quotes, or all that is left if the second one is missing.
  std::size_t QuotedLength() const {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') {
      end += rest_[end] == '\\' ? 2 : 1;
    }
    return std::min(end + 1, rest_.size());
  }

  std::string_view rest_;
};

// "0", "0.25", "1.000" in thousandths; nothing else is a quality.
std::optional<int> ReadQuality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return std::nullopt;
  }
  int quality = (text[0] - '0') * kThousandths;
  int scale = kThousandths / 10;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    quality += (c - '0') * scale;
    scale /= 10;
  }
  return quality <= kThousandths ? std::optional(quality) : std::nullopt;
}

// How an element of the list fits our media types.
struct Fit {
  bool wanted[kMediaTypes.size()] = {};
  int exactness = 0;  // 0: */*, 1: type/*, 2: type/subtype
  int quality = kThousandths;
};

// Takes note of a parameter of a type/subtype. `seen` has, for each media type, how many of the
// required ones were there.
void Compare(std::string_view name, std::string_view value, Fit& fit, std::span<std::size_t> seen) {
  for (std::size_t i = 0; i < kMediaTypes.size(); ++i) {
    for (const Parameter& parameter : kMediaTypes[i].parameters) {
      if (!parameter.name.empty() && EqualIgnoringCase(name, parameter.name)) {
        fit.wanted[i] &= value == parameter.values[0] ||
                         (!parameter.values[1].empty() && value == parameter.values[1]);
        seen[i] += parameter.required ? 1 : 0;
      }
    }
  }
}

// Nothing if the element is malformed; the reader then stands somewhere in it.
std::optional<Fit> ReadElement(Reader& reader) {
  reader.SkipSpace();
  const std::string_view type = reader.Token();
  if (type.empty() || !reader.Take('/')) {
    return std::nullopt;
  }
  const std::string_view subtype = reader.Token();
  if (subtype.empty() || (type == "*" && subtype != "*")) {
    return std::nullopt;
  }
  Fit fit;
  fit.exactness = (type != "*" ? 1 : 0) + (subtype != "*" ? 1 : 0);
  for (std::size_t i = 0; i < kMediaTypes.size(); ++i) {
    fit.wanted[i] = (type == "*" || EqualIgnoringCase(type, kMediaTypes[i].type)) &&
                    (subtype == "*" || EqualIgnoringCase(subtype, kMediaTypes[i].subtype));
  }
  std::array<std::size_t, kMediaTypes.size()> seen{};
  while (true) {
    reader.SkipSpace();
    if (!reader.Take(';')) {
      break;
    }
    reader.SkipSpace();
    const std::string_view name = reader.Token();
    if (name.empty()) {  // ";" without a parameter is allowed
      continue;
    }
    if (!reader.Take('=')) {
      return std::nullopt;
    }
    const std::optional<std::string_view> value = reader.TokenOrQuoted();
    if (!value) {
      return std::nullopt;
    }
    if (EqualIgnoringCase(name, "q")) {
      const std::optional<int> quality = ReadQuality(*value);
      if (!quality) {
        return std::nullopt;
      }
      fit.quality = *quality;
    } else if (fit.exactness == 2) {
      Compare(name, *value, fit, seen);
    }
  }
  if (!reader.AtEnd() && !reader.Take(',')) {
    return std::nullopt;
  }
  for (std::size_t i = 0; fit.exactness == 2 && i < kMediaTypes.size(); ++i) {
    const auto required = static_cast<std::size_t>(
        std::count_if(kMediaTypes[i].parameters.begin(), kMediaTypes[i].parameters.end(),
                      [](const Parameter& parameter) { return parameter.required; }));
    fit.wanted[i] &= seen[i] >= required;
  }
  return fit;
}

// What the list says of a media type: the element that names it most exactly counts.
struct Wish {
  int exactness = -1;  // -1: not wanted
  int quality = 0;
  std::size_t position = 0;

  bool Beats(const Wish& other) const {
    if (quality != other.quality) {
      return quality > other.quality;
    }
    return exactness != other.exactness ? exactness > other.exactness : position < other.position;
  }
};

}  // namespace

const char* ContentType(Format format) {
  return std::find_if(kMediaTypes.begin(), kMediaTypes.end(),
                      [format](const MediaType& media) { return media.format == format; })
      ->content_type;
}

Format ChooseFormat(std::string_view accept) {
  std::array<Wish, kMediaTypes.size()> wishes;
  Reader reader(accept);
  for (std::size_t position = 0; !reader.AtEnd(); ++position) {
    const std::optional<Fit> fit = ReadElement(reader);
    if (!fit) {
      reader.SkipElement();
      continue;
    }
    for (std::size_t i = 0; i < kMediaTypes.size(); ++i) {
      const Wish wish = {fit->exactness, fit->quality, position};
      if (fit->wanted[i] && (wish.exactness > wishes[i].exactness ||
                             (wish.exactness == wishes[i].exactness && wish.Beats(wishes[i])))) {
        wishes[i] = wish;
      }
    }
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < kMediaTypes.size(); ++i) {
    if (wishes[i].quality > 0 && wishes[i].Beats(wishes[best])) {
      best = i;
    }
  }
  return kMediaTypes[best].format;
}

}  // namespace pg_hello::exposition
