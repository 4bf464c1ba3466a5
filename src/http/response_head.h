// The bytes of a response before its body.
#ifndef PG_HELLO_HTTP_RESPONSE_HEAD_H
#define PG_HELLO_HTTP_RESPONSE_HEAD_H

#include <string>

#include "pg_hello/http/message.h"

namespace pg_hello::http {

// Status line and fields, with the empty line. A header with a control character in it is left out.
// What keeps browsers from doing with an answer what it is not for is in every one of them:
// nosniff, no-store, same-origin, and a Content-Security-Policy that allows nothing unless the
// response has its own.
std::string ResponseHead(const Response& response, bool keep_alive);

// The answer to a head that ParseHead refused; `reason` as in HeadResult.
Response Refusal(int status, const char* reason);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_RESPONSE_HEAD_H
