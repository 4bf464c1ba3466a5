// Apart from the router so that an endpoint can make a response without the HTTP library in its
// link.
#include "pg_hello/http/message.h"

#include <algorithm>

namespace pg_hello::http {

bool HasParam(const Params& params, std::string_view name) {
  return std::any_of(params.begin(), params.end(),
                     [name](const auto& p) { return p.first == name; });
}

Response TextResponse(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

Response InternalError() noexcept {
  try {
    return TextResponse(500, "Internal server error\n");
  } catch (...) {
    return Response{500, std::string(), {}, nullptr};
  }
}

}  // namespace pg_hello::http
