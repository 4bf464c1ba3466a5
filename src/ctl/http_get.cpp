#include "ctl/http_get.h"

#include <httplib.h>

#include <charconv>
#include <fstream>
#include <string_view>

namespace pg_hello::ctl {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::time_t kSeconds = 10;

struct Url {
  bool tls = false;
  std::string host;
  int port = 80;
  std::string path;
};

bool ParsePort(std::string_view text, int& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

bool Parse(std::string_view text, Url& url) {
  url.tls = text.starts_with(kHttps);
  if (!url.tls && !text.starts_with(kHttp)) return false;
  if (url.tls) url.port = 443;
  text.remove_prefix((url.tls ? kHttps : kHttp).size());
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

bool Readable(const std::string& path) { return path.empty() || std::ifstream(path).good(); }

std::variant<HttpAnswer, HttpError> Ask(httplib::ClientImpl& client, const Url& url,
                                        const HttpRequest& request, const std::string& token) {
  client.set_connection_timeout(kSeconds);
  client.set_read_timeout(kSeconds);
  if (!token.empty()) client.set_bearer_token_auth(token.c_str());
  const httplib::Result result = client.Get(url.path);
  if (!result) {
    return HttpError{HttpFailure::kNoAnswer,
                     request.url + " does not answer: " + httplib::to_string(result.error())};
  }
  return HttpAnswer{result->status, result->body};
}

}  // namespace

std::variant<HttpAnswer, HttpError> GetHealth(const HttpRequest& request) {
  Url url;
  if (!Parse(request.url, url)) {
    return HttpError{HttpFailure::kBadRequest,
                     "\"" + request.url + "\" is not of the form http[s]://HOST[:PORT][/PATH]"};
  }
  for (const std::string& file :
       {request.token_file, request.ca_file, request.cert_file, request.key_file}) {
    if (!Readable(file)) {
      return HttpError{HttpFailure::kBadRequest, "could not read \"" + file + "\""};
    }
  }
  std::string token;
  if (!request.token_file.empty()) {
    std::ifstream file(request.token_file);
    std::getline(file, token);
    while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
    if (token.empty()) {
      return HttpError{HttpFailure::kBadRequest, "no token is in \"" + request.token_file + "\""};
    }
  }
  if (!url.tls) {
    httplib::ClientImpl client(url.host, url.port);
    return Ask(client, url, request, token);
  }
  httplib::SSLClient client(url.host, url.port, request.cert_file, request.key_file);
  if (!request.ca_file.empty()) client.set_ca_cert_path(request.ca_file.c_str());
  return Ask(client, url, request, token);
}

}  // namespace pg_hello::ctl
