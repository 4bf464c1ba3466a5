// Apart from everything else because this is what a stranger's bytes meet first: a pure function of
// a buffer, so that it can be fuzzed and read on its own.
#include "pg_hello/http/request_head.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "field_text.h"

namespace pg_hello::http {
namespace {

constexpr std::size_t kMaxHostBytes = 255;

// Character classes, in a table made by the compiler: the locale has no say in them.
enum Class : std::uint8_t {
  kToken = 1,   // RFC 9110 5.6.2 tchar
  kValue = 2,   // RFC 9110 5.5 field-vchar, SP, HTAB
  kTarget = 4,  // RFC 3986 pchar and "/" and "?"; "%" only with its two digits
  kHex = 8,
  kDigit = 16,
  kQuery = 64,  // kTarget, and the brackets of "name[]"
  kHost = 32,   // a name or an IPv4 address; RFC 3986's rarer reg-name characters are refused
};

constexpr bool Contains(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

constexpr std::array<std::uint8_t, 256> MakeClasses() {
  std::array<std::uint8_t, 256> classes{};
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool digit = c >= '0' && c <= '9';
    const bool alphanumeric = digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    int found = 0;
    if (alphanumeric || (i != 0 && Contains("!#$%&'*+-.^_`|~", c))) found |= kToken;
    if (c == '\t' || (i >= 0x20 && i != 0x7f)) found |= kValue;
    if (alphanumeric || (i != 0 && Contains("-._~!$&'()*+,;=:@/?%", c))) found |= kTarget;
    if ((found & kTarget) != 0 || c == '[' || c == ']') found |= kQuery;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) found |= kHex;
    if (digit) found |= kDigit;
    if (alphanumeric || (i != 0 && Contains("-._~", c))) found |= kHost;
    classes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(found);
  }
  return classes;
}

constexpr std::array<std::uint8_t, 256> kClasses = MakeClasses();

bool Is(Class wanted, char c) {
  return (kClasses[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(wanted)) != 0;
}

bool All(Class wanted, std::string_view text) {
  return std::all_of(text.begin(), text.end(), [wanted](char c) { return Is(wanted, c); });
}

bool ListHasToken(std::string_view list, std::string_view lower) {
  while (!list.empty()) {
    if (EqualsIgnoringCase(TrimWhitespace(TakeUntil(list, ",")), lower)) return true;
  }
  return false;
}

bool IsPort(std::string_view text) {
  return text.size() <= 5 && All(kDigit, text);  // RFC 3986 allows "host:" with nothing after it
}

bool IsHost(std::string_view text) {
  if (text.empty() || text.size() > kMaxHostBytes) return false;
  std::string_view rest = text;
  if (text.front() == '[') {
    rest.remove_prefix(1);
    if (!Contains(rest, ']')) return false;
    const std::string_view literal = TakeUntil(rest, "]");
    if (literal.empty() || !std::all_of(literal.begin(), literal.end(), [](char c) {
          return Is(kHex, c) || c == ':' || c == '.';
        })) {
      return false;
    }
    return rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1)));
  }
  const bool has_port = Contains(rest, ':');
  const std::string_view name = TakeUntil(rest, ":");
  return !name.empty() && All(kHost, name) && (!has_port || IsPort(rest));
}

// Origin-form only. What a proxy would be sent ("http://...", "host:port", "*") is not for us.
int CheckTarget(std::string_view target, const char*& reason) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (target.size() > kMaxTargetBytes || path.size() > kMaxPathBytes) return 414;
  if (target.front() != '/') {
    reason = "The target of a request must begin with a slash.";
    return 400;
  }
  if (!All(kTarget, path) || !All(kQuery, target.substr(path.size()))) {
    reason = "The path or query contains a character that must be percent-encoded.";
    return 400;
  }
  for (std::size_t at = target.find('%'); at != std::string_view::npos;
       at = target.find('%', at + 1)) {
    const std::string_view digits = target.substr(at + 1, 2);
    if (digits.size() != 2 || !All(kHex, digits)) {
      reason = "A percent sign in the path or query is not followed by two hexadecimal digits.";
      return 400;
    }
  }
  return 0;
}

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};

int ParseRequestLine(std::string_view line, RequestLine& out) {
  std::string_view rest = line;
  out.method = TakeUntil(rest, " ");
  out.target = TakeUntil(rest, " ");
  out.version = rest;
  if (out.method.empty() || !All(kToken, out.method)) return 400;
  if (out.target.empty() || std::any_of(out.target.begin(), out.target.end(),
                                        [](char c) { return c < '!' || c > '~'; })) {
    return 400;
  }
  const std::string_view v = out.version;
  if (v.size() != 8 || v.substr(0, 5) != "HTTP/" || !Is(kDigit, v[5]) || v[6] != '.' ||
      !Is(kDigit, v[7])) {
    return 400;
  }
  return v == "HTTP/1.1" || v == "HTTP/1.0" ? 0 : 505;
}

// What the fields say together, beside what is kept in RequestHead.
struct Fields {
  int count = 0;
  int hosts = 0;
  int content_lengths = 0;
  bool body = false;  // a Content-Length that is not zero
  bool transfer_encoding = false;
  bool expect = false;
  bool close = false;
};

// A list field may come in several lines: RFC 9110 5.3.
void AppendToList(std::string& list, std::string_view value) {
  if (!list.empty()) list += ", ";
  list += value;
}

int ParseField(std::string_view line, Fields& fields, RequestHead& head) {
  if (!Contains(line, ':')) return 400;
  std::string_view rest = line;
  const std::string_view name = TakeUntil(rest, ":");
  // An empty name, a space before the colon and a folded line (obs-fold) all end here.
  if (name.empty() || !All(kToken, name)) return 400;
  if (!All(kValue, rest)) return 400;
  const std::string_view value = TrimWhitespace(rest);

  if (EqualsIgnoringCase(name, "host")) {
    if (++fields.hosts > 1 || !IsHost(value)) return 400;
    head.host = value;
  } else if (EqualsIgnoringCase(name, "content-length")) {
    if (++fields.content_lengths > 1 || value.empty() || !All(kDigit, value)) return 400;
    fields.body = value != "0";
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    fields.transfer_encoding = true;
  } else if (EqualsIgnoringCase(name, "expect")) {
    fields.expect = true;
  } else if (EqualsIgnoringCase(name, "connection")) {
    fields.close = fields.close || ListHasToken(value, "close");
  } else if (EqualsIgnoringCase(name, "accept")) {
    AppendToList(head.accept, value);
  } else if (EqualsIgnoringCase(name, "accept-encoding")) {
    AppendToList(head.accept_encoding, value);
  } else if (EqualsIgnoringCase(name, "authorization")) {
    if (!head.authorization.empty()) return 400;
    head.authorization = value;
  }
  return 0;
}

int Parse(std::string_view text, RequestHead& head, const char*& reason) {
  if (text.size() > kMaxHeadBytes) return 431;
  if (!text.ends_with("\r\n\r\n")) return 400;
  text.remove_suffix(2);

  RequestLine line;
  const int line_status = ParseRequestLine(TakeUntil(text, "\r\n"), line);
  if (line_status != 0) return line_status;
  head.method = line.method;

  Fields fields;
  while (!text.empty()) {
    if (static_cast<std::size_t>(++fields.count) > kMaxFields) return 431;
    const int field_status = ParseField(TakeUntil(text, "\r\n"), fields, head);
    if (field_status != 0) return field_status;
  }
  const bool http_1_1 = line.version == "HTTP/1.1";
  if (http_1_1 && fields.hosts == 0) return 400;
  if (fields.transfer_encoding && fields.content_lengths > 0) return 400;

  // Well-formed from here on: what follows is about what is asked for.
  if (line.method != "GET" && line.method != "HEAD") return 405;
  const int target_status = CheckTarget(line.target, reason);
  if (target_status != 0) return target_status;
  head.target = line.target;
  if (fields.transfer_encoding) return 501;
  if (fields.body) return 413;
  if (fields.expect) return 417;

  head.keep_alive = http_1_1 && !fields.close;
  return 0;
}

}  // namespace

std::size_t FindHeadEnd(std::string_view buffer) {
  // An empty line ended by a bare LF is an end too: ParseHead refuses such a head, which is better
  // than to wait for one that will not come.
  for (std::size_t at = buffer.find('\n'); at != std::string_view::npos;
       at = buffer.find('\n', at + 1)) {
    const std::string_view rest = buffer.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return 0;
}

HeadResult ParseHead(std::string_view head) {
  HeadResult result;
  result.status = Parse(head, result.head, result.reason);
  return result;
}

}  // namespace pg_hello::http
