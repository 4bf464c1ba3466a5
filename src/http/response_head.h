// The bytes of a response before its body.
#ifndef PG_HELLO_HTTP_RESPONSE_HEAD_H
#define PG_HELLO_HTTP_RESPONSE_HEAD_H

#include <string>

#include "pg_hello/http/message.h"

namespace pg_hello::http {

// Status line and fields, with the empty line. A header with a control character in it is left out.
std::string ResponseHead(const Response& response, bool keep_alive);

// The answer to a head that ParseHead refused; `reason` as in HeadResult.
Response Refusal(int status, const char* reason);

}  // namespace pg_hello::http

#endif  // PG_HELLO_HTTP_RESPONSE_HEAD_H
