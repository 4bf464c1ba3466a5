// Says what the parser of heads makes of each request that comes on standard input: four bytes of
// length, the lowest first, and so many bytes. For each, one line goes out: its status, how many
// bytes its head has, and if it was accepted what it means, texts in hexadecimal.
//
// status 1: the head has no end yet.
#include <cstdint>
#include <cstdio>
#include <string>

#include "pg_hello/http/request_head.h"

namespace pg_hello::http {
namespace {

bool Read(std::string& request) {
  unsigned char length[4];
  if (std::fread(length, 1, sizeof(length), stdin) != sizeof(length)) return false;
  const std::size_t size = length[0] | std::size_t{length[1]} << 8 | std::size_t{length[2]} << 16 |
                           std::size_t{length[3]} << 24;
  request.resize(size);
  return std::fread(request.data(), 1, size, stdin) == size;
}

void Print(const std::string& text) {
  std::fputc(' ', stdout);
  std::fputc('=', stdout);
  for (const char c : text) std::printf("%02x", static_cast<unsigned char>(c));
}

void Answer(const std::string& request) {
  const std::size_t end = FindHeadEnd(request);
  if (end == 0) {
    std::puts("1 0");
    return;
  }
  const HeadResult result = ParseHead(std::string_view(request).substr(0, end));
  std::printf("%d %zu", result.status, end);
  if (result.status == 0) {
    const RequestHead& head = result.head;
    for (const std::string* text : {&head.method, &head.target, &head.host, &head.accept,
                                    &head.accept_encoding, &head.authorization}) {
      Print(*text);
    }
    std::printf(" %d", head.keep_alive ? 1 : 0);
  }
  std::fputc('\n', stdout);
}

}  // namespace
}  // namespace pg_hello::http

int main() {
  std::string request;
  while (pg_hello::http::Read(request)) pg_hello::http::Answer(request);
  return 0;
}
