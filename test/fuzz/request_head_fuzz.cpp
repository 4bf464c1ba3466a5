// Any bytes as the head of a request: what is accepted holds what request_head.h promises, checked
// line by line in the plainest way there is, and its target means the same when it is encoded anew.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"
#include "pg_hello/http/request_head.h"
#include "pg_hello/http/target.h"

namespace pg_hello::http {
namespace {

constexpr std::array kStatuses = {0, 400, 405, 413, 414, 417, 431, 501, 505};

std::size_t HeadEndByTrying(std::string_view buffer) {
  for (std::size_t size = 1; size <= buffer.size(); ++size) {
    const std::string_view head = buffer.substr(0, size);
    if (head.ends_with("\n\n") || head.ends_with("\n\r\n")) {
      return size;
    }
  }
  return 0;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end; (end = text.find("\r\n")) != std::string_view::npos;) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 2);
  }
  FUZZ_PROMISE(text.empty());
  return lines;
}

std::string LowerName(std::string_view line) {
  std::string name(line.substr(0, line.find(':')));
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return name;
}

std::string Encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return encoded;
}

std::string EncodedAnew(const Target& target) {
  std::string text;
  for (const std::string& segment : target.segments) {
    text.append("/").append(Encoded(segment));
  }
  char before = '?';
  for (const auto& [name, value] : target.params) {
    text.append(1, before).append(Encoded(name)).append("=").append(Encoded(value));
    before = '&';
  }
  return text;
}

void CheckTarget(const std::string& text) {
  const std::string_view path = std::string_view(text).substr(0, text.find('?'));
  FUZZ_PROMISE(text.size() <= kMaxTargetBytes && path.size() <= kMaxPathBytes);
  FUZZ_PROMISE(text.front() == '/' && text.find('#') == std::string::npos);
  FUZZ_PROMISE(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }));

  const Target target = DecodeTarget(text);
  FUZZ_PROMISE(target.segments.size() ==
               static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
  std::size_t pairs = 0;
  for (std::size_t at = path.size(); at < text.size();) {
    const std::size_t next = std::min(text.find('&', at + 1), text.size());
    pairs += next > at + 1 ? 1 : 0;
    at = next;
  }
  FUZZ_PROMISE(target.params.size() == pairs);

  // "?=" is a parameter without a name or value, as "=" is when it is encoded anew.
  const Target again = DecodeTarget(EncodedAnew(target));
  FUZZ_PROMISE(again.segments == target.segments && again.params == target.params);
}

void CheckAccepted(std::string_view text, const RequestHead& head) {
  FUZZ_PROMISE(text.size() <= kMaxHeadBytes && text.ends_with("\r\n\r\n"));
  std::vector<std::string_view> lines = Lines(text);
  FUZZ_PROMISE(lines.size() >= 2 && lines.back().empty());
  lines.pop_back();
  FUZZ_PROMISE(lines.size() - 1 <= kMaxFields);

  FUZZ_PROMISE(head.method == "GET" || head.method == "HEAD");
  const std::string line = head.method + " " + head.target + " HTTP/1.";
  FUZZ_PROMISE(lines[0] == line + "0" || lines[0] == line + "1");

  std::size_t hosts = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    FUZZ_PROMISE(std::none_of(lines[i].begin(), lines[i].end(), [](char c) {
      return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
    }));
    const std::size_t colon = lines[i].find(':');
    FUZZ_PROMISE(colon != std::string_view::npos && colon > 0);
    FUZZ_PROMISE(lines[i].substr(0, colon).find_first_of(" \t") == std::string_view::npos);
    const std::string name = LowerName(lines[i]);
    hosts += name == "host" ? 1 : 0;
    FUZZ_PROMISE(name != "transfer-encoding" && name != "expect");
  }
  const bool http_1_1 = lines[0].back() == '1';
  FUZZ_PROMISE(hosts == 1 || (hosts == 0 && !http_1_1));
  FUZZ_PROMISE((hosts == 0) == head.host.empty());
  FUZZ_PROMISE(http_1_1 || !head.keep_alive);
  CheckTarget(head.target);
}

}  // namespace
}  // namespace pg_hello::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pg_hello::http;  // NOLINT(google-build-using-namespace)
  const std::string_view buffer = pg_hello::fuzz::TextOf(data, size);

  const std::size_t end = FindHeadEnd(buffer);
  FUZZ_PROMISE(end == HeadEndByTrying(buffer));
  // However the bytes are cut into pieces, the head ends where it ends.
  for (std::size_t cut = 0; cut < std::min<std::size_t>(size, 300); ++cut) {
    FUZZ_PROMISE(FindHeadEnd(buffer.substr(0, cut)) == (end != 0 && end <= cut ? end : 0));
  }

  const HeadResult whole = ParseHead(buffer);
  FUZZ_PROMISE(whole.status != 0 || (end == size && end != 0));
  const std::string_view text = buffer.substr(0, end);
  const HeadResult result = ParseHead(text);
  FUZZ_PROMISE(std::find(kStatuses.begin(), kStatuses.end(), result.status) != kStatuses.end());
  if (result.status == 0) {
    FUZZ_PROMISE(result.reason == nullptr);
    CheckAccepted(text, result.head);
  }
  return 0;
}
