// Apart from the router because it is asked before anything else, and is all that a stranger has to
// get past.
#include "gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "field_text.h"
#include "server_file.h"

namespace pg_hello::http {
namespace {

constexpr std::string_view kScheme = "bearer ";

// RFC 6750 2.1: b64token.
bool IsTokenText(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=');
  const std::string_view body = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  return !body.empty() && std::all_of(body.begin(), body.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

std::string_view WithoutLineEnd(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string_view WithoutPort(std::string_view host) {
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return host.substr(0, colon);
}

bool IsAddress(std::string_view name) {
  in6_addr address;
  if (name.starts_with('[') && name.ends_with(']')) {
    const std::string text(name.substr(1, name.size() - 2));
    return inet_pton(AF_INET6, text.c_str(), &address) == 1;
  }
  return inet_pton(AF_INET, std::string(name).c_str(), &address) == 1;
}

std::string InLowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

// What is shown in a header with this scheme; empty if nothing is.
std::string_view ShownToken(std::string_view authorization) {
  if (!EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) return {};
  return TrimWhitespace(authorization.substr(kScheme.size()));
}

}  // namespace

Token::Token(std::string_view text) { std::copy(text.begin(), text.end(), bytes_.begin()); }

Token::~Token() { explicit_bzero(bytes_.data(), bytes_.size()); }

bool Token::Is(const Token& other) const {
  // Volatile: the compiler must not find out that one difference is enough.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (bytes_[i] ^ other.bytes_[i]));
  }
  return difference == 0;
}

std::string Gate::Keep(const AccessRules& rules) {
  needs_token_ = !rules.token_file.empty();
  hosts_.clear();
  for (const std::string& host : rules.hosts) hosts_.push_back(InLowerCase(host));
  if (needs_token_) return Load(rules.token_file);
  token_ = Token();
  has_token_ = false;
  return {};
}

std::string Gate::Load(const std::string& file) {
  constexpr std::string_view kKind = "token";
  FileContents contents;
  std::string error = ReadServerFile(kKind, file, Secrecy::kSecret, contents);
  if (!error.empty()) return error;
  const std::string_view text = WithoutLineEnd(contents.bytes);
  const std::string bad = "could not use " + QuotedFile(kKind, file) + ": ";
  if (text.size() < kMinTokenBytes || text.size() > kMaxTokenBytes) {
    return bad + "a token has " + std::to_string(kMinTokenBytes) + " to " +
           std::to_string(kMaxTokenBytes) + " characters";
  }
  if (!IsTokenText(text)) {
    return bad +
           "it must be one line of letters, digits and \"-._~+/\", perhaps with \"=\" at its end";
  }
  token_ = Token(text);
  has_token_ = true;
  return {};
}

bool Gate::LetsInHost(std::string_view host) const {
  if (host.empty()) return true;
  const std::string name = InLowerCase(WithoutPort(host));
  if (name == "localhost" || IsAddress(name)) return true;
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&name](const std::string& known) { return known == "*" || known == name; });
}

bool Gate::LetsIn(std::string_view authorization) const {
  if (!needs_token_) return true;
  const std::string_view shown = ShownToken(authorization);
  const bool possible = shown.size() <= kMaxTokenBytes;
  return token_.Is(Token(possible ? shown : std::string_view())) && possible && has_token_;
}

Response WrongHost() {
  return TextResponse(
      421,
      "This server is not known by the name in Host. Ask it by its address, or have "
      "the name put into pg_hello.allowed_hosts.\n");
}

Response Unauthorized(std::string_view authorization) {
  Response response = TextResponse(401, "This needs a bearer token.\n");
  // RFC 6750 3: what is wrong is only said of who has shown something.
  response.headers.emplace_back("WWW-Authenticate",
                                authorization.empty()
                                    ? "Bearer realm=\"pg_hello\""
                                    : "Bearer realm=\"pg_hello\", error=\"invalid_token\"");
  return response;
}

}  // namespace pg_hello::http
