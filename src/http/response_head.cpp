// Apart from the connection so that what is promised of every response is in one place.
#include "response_head.h"

#include <algorithm>
#include <string_view>

namespace pg_hello::http {
namespace {

constexpr std::string_view kPolicy = "Content-Security-Policy";

const char* Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";  // RFC 9112 4: may be empty
  }
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool HasHeader(const Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

void AppendField(std::string& head, std::string_view name, std::string_view value) {
  if (name.empty() || HasControl(name) || HasControl(value)) return;
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string ResponseHead(const Response& response, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(Reason(response.status)).append("\r\n");
  if (!response.content_type.empty()) AppendField(head, "Content-Type", response.content_type);
  AppendField(head, "Content-Length",
              std::to_string(response.body == nullptr ? 0 : response.body->size()));
  for (const auto& [name, value] : response.headers) AppendField(head, name, value);
  AppendField(head, "X-Content-Type-Options", "nosniff");
  AppendField(head, "Cache-Control", "no-store");
  AppendField(head, "Cross-Origin-Resource-Policy", "same-origin");
  if (!HasHeader(response, kPolicy)) {
    AppendField(head, kPolicy, "default-src 'none'; frame-ancestors 'none'");
  }
  AppendField(head, "Connection", keep_alive ? "keep-alive" : "close");
  head += "\r\n";
  return head;
}

Response Refusal(int status, const char* reason) {
  Response response =
      TextResponse(status, std::string(reason != nullptr ? reason : Reason(status)) + "\n");
  if (status == 405) response.headers.emplace_back("Allow", "GET, HEAD");
  return response;
}

}  // namespace pg_hello::http
