#include "ctl/http_get.h"

#include <httplib.h>

#include <charconv>
#include <string_view>

namespace pg_hello::ctl {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::time_t kSeconds = 10;

struct Url {
  std::string host;
  int port = 80;
  std::string path;
};

bool ParsePort(std::string_view text, int& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

bool Parse(std::string_view text, Url& url) {
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const std::size_t slash = text.find('/');
  url.path = slash == text.npos || slash + 1 == text.size() ? "/health" : text.substr(slash);
  std::string_view authority = text.substr(0, slash);
  // An IPv6 address is in brackets.
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  if (colon != authority.npos) {
    if (!ParsePort(authority.substr(colon + 1), url.port)) return false;
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    authority = authority.substr(1, authority.size() - 2);
  }
  url.host = authority;
  return !url.host.empty();
}

}  // namespace

std::variant<HttpAnswer, HttpError> GetHealth(const std::string& text) {
  Url url;
  if (!Parse(text, url)) {
    return HttpError{HttpFailure::kBadUrl,
                     "\"" + text + "\" is not of the form http://HOST[:PORT][/PATH]"};
  }
  httplib::Client client(url.host, url.port);
  client.set_connection_timeout(kSeconds);
  client.set_read_timeout(kSeconds);
  const httplib::Result result = client.Get(url.path);
  if (!result) {
    return HttpError{HttpFailure::kNoAnswer,
                     text + " does not answer: " + httplib::to_string(result.error())};
  }
  return HttpAnswer{result->status, result->body};
}

}  // namespace pg_hello::ctl
