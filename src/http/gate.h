// Whether a request is let in: by the name that it calls this server by, and by its token.
//
// Source: RFC 9110, sections 7.4 (421) and 11 (401), and RFC 6750 (bearer tokens in Authorization;
// neither in the query nor in a body).
#ifndef PG_HELLO_HTTP_GATE_H
#define PG_HELLO_HTTP_GATE_H

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/http/access.h"
#include "pg_hello/http/message.h"

namespace pg_hello::http {

inline constexpr std::size_t kMinTokenBytes = 16;
inline constexpr std::size_t kMaxTokenBytes = 512;

// A secret of at most kMaxTokenBytes, wiped when it goes.
class Token {
 public:
  Token() = default;
  explicit Token(std::string_view text);  // REQUIRES: text.size() <= kMaxTokenBytes
  Token(const Token&) = default;
  Token& operator=(const Token&) = default;
  ~Token();

  // The time that it takes depends neither on the texts nor on their lengths.
  bool Is(const Token& other) const;

 private:
  std::array<unsigned char, kMaxTokenBytes> bytes_ = {};  // behind the text, zeros
};

class Gate {
 public:
  // Lets in who keeps to these rules from now on. Empty if that went well. Otherwise the reason why
  // the token's file cannot be used, in which nothing of its contents appears: the token that was
  // in use stays in use; if there was none, no token is the right one. Throws std::bad_alloc, and
  // is not wider than the rules then.
  std::string Keep(const AccessRules& rules);

  bool needs_token() const { return needs_token_; }
  bool has_token() const { return has_token_; }

  // `host` as in RequestHead. None is let in: only HTTP/1.0 does without, and no browser speaks it.
  bool LetsInHost(std::string_view host) const;

  // `authorization` as in RequestHead.
  bool LetsIn(std::string_view authorization) const;

 private:
  std::string Load(const std::string& file);

  std::vector<std::string> hosts_;  // in lower case
  bool needs_token_ = false;
  bool has_token_ = false;
  Token token_;
};

// What who is not let in is answered: 421 and 401.
Response WrongHost();
Response Unauthorized(std::string_view authorization);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_GATE_H
