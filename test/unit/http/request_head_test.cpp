#include "pg_hello/http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pg_hello::http {
namespace {

using std::string_literals::operator""s;

HeadResult ParseLines(const std::string& lines) { return ParseHead(lines + "\r\n"); }

int StatusOf(const std::string& lines) { return ParseLines(lines).status; }

// A good request with more lines in it.
int StatusWith(const std::string& field_lines) {
  return StatusOf("GET / HTTP/1.1\r\nHost: x\r\n" + field_lines);
}

int StatusOfTarget(const std::string& target) {
  return StatusOf("GET " + target + " HTTP/1.1\r\nHost: x\r\n");
}

int StatusOfHost(const std::string& host) {
  return StatusOf("GET / HTTP/1.1\r\nHost: " + host + "\r\n");
}

TEST(FindHeadEnd, SaysNothingUntilTheEmptyLineIsThere) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(FindHeadEnd(std::string_view(head).substr(0, size)), 0u) << size;
  }
  EXPECT_EQ(FindHeadEnd(head), head.size());
}

TEST(FindHeadEnd, LeavesTheNextRequestAlone) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(FindHeadEnd(head + head), head.size());
}

TEST(FindHeadEnd, EndsAHeadOfBareLineFeedsSoThatItCanBeRefused) {
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\nHost: x\n\n"), 24u);
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\nHost: x\n\r\n"), 25u);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\nHost: x\n"), 400);
}

TEST(ParseHead, KeepsWhatTheEndpointsNeed) {
  const HeadResult result = ParseLines(
      "GET /metrics?name=a%20b HTTP/1.1\r\n"
      "hOsT: db.example:9797\r\n"
      "User-Agent: Prometheus \xc3\xa9\r\n"
      "ACCEPT:   text/plain\t \r\n"
      "Accept: */*\r\n"
      "Accept-Encoding: gzip\r\n"
      "Authorization: Bearer t\r\n");
  ASSERT_EQ(result.status, 0);
  EXPECT_EQ(result.head.method, "GET");
  EXPECT_EQ(result.head.target, "/metrics?name=a%20b");
  EXPECT_EQ(result.head.host, "db.example:9797");
  EXPECT_EQ(result.head.accept, "text/plain, */*");
  EXPECT_EQ(result.head.accept_encoding, "gzip");
  EXPECT_EQ(result.head.authorization, "Bearer t");
  EXPECT_TRUE(result.head.keep_alive);
}

TEST(ParseHead, AcceptsHead) {
  const HeadResult result = ParseLines("HEAD / HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.head.method, "HEAD");
}

TEST(ParseHead, KeepsAliveOnlyInHttp11AndUnlessAskedToClose) {
  EXPECT_TRUE(ParseLines("GET / HTTP/1.1\r\nHost: x\r\n").head.keep_alive);
  EXPECT_FALSE(ParseLines("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").head.keep_alive);
  EXPECT_FALSE(
      ParseLines("GET / HTTP/1.1\r\nHost: x\r\nConnection: TE , Close\r\n").head.keep_alive);
  EXPECT_FALSE(
      ParseLines("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: keep-alive\r\n")
          .head.keep_alive);
  EXPECT_TRUE(
      ParseLines("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n").head.keep_alive);
  EXPECT_FALSE(ParseLines("GET / HTTP/1.0\r\nConnection: keep-alive\r\n").head.keep_alive);
}

TEST(ParseHead, LetsHttp10DoWithoutHost) { EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n"), 0); }

TEST(ParseHead, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PRI", "get", "BREW"}) {
    EXPECT_EQ(StatusOf(method + " / HTTP/1.1\r\nHost: x\r\n"s), 405) << method;
  }
  EXPECT_EQ(StatusOf("OPTIONS * HTTP/1.1\r\nHost: x\r\n"), 405);
  EXPECT_EQ(StatusOf("CONNECT a:1 HTTP/1.1\r\nHost: x\r\n"), 405);
}

TEST(ParseHead, RefusesOtherVersions) {
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9"}) {
    EXPECT_EQ(StatusOf("GET / "s + version + "\r\nHost: x\r\n"), 505) << version;
  }
  EXPECT_EQ(ParseHead("PRI * HTTP/2.0\r\n\r\n").status, 505);
}

TEST(ParseHead, RefusesMalformedRequestLines) {
  for (const std::string& line : {""s,
                                  " "s,
                                  "GET"s,
                                  "GET /"s,
                                  "GET / "s,
                                  "GET /  HTTP/1.1"s,
                                  "GET  / HTTP/1.1"s,
                                  " GET / HTTP/1.1"s,
                                  "GET / HTTP/1.1 "s,
                                  "GET / x HTTP/1.1"s,
                                  "GET\t/\tHTTP/1.1"s,
                                  "GET / http/1.1"s,
                                  "GET / HTTP/1,1"s,
                                  "GET / HTTP/11"s,
                                  "GET / HTTP/1.10"s,
                                  "GET / HTTP/-1.1"s,
                                  "G(T / HTTP/1.1"s,
                                  "GET /\x01 HTTP/1.1"s,
                                  "GET /\x7f HTTP/1.1"s,
                                  "GET /\xe9 HTTP/1.1"s,
                                  "GET /\0 HTTP/1.1"s,
                                  "\0GET / HTTP/1.1"s,
                                  "GET / HTTP/1.1\r"s,
                                  "\r\nGET / HTTP/1.1"s,
                                  "\x16\x03\x01\x02"s}) {
    EXPECT_EQ(StatusOf(line + "\r\nHost: x\r\n"), 400) << line;
  }
}

TEST(ParseHead, TakesNothingButAnAbsolutePath) {
  for (const char* target : {"*", "http://x/", "HTTP://x/metrics", "x:80", "metrics", "?a=b"}) {
    EXPECT_EQ(StatusOfTarget(target), 400) << target;
  }
  EXPECT_EQ(StatusOfTarget("//x/"), 0);
}

TEST(ParseHead, TakesOnlyTheCharactersOfAUri) {
  EXPECT_EQ(StatusOfTarget("/a-._~!$&'()*+,;=:@/b?c=d&e=/?"), 0);
  for (const char* target : {"/a#b", "/a\"b", "/<a>", "/a\\b", "/a^b", "/`", "/{a}", "/a|b", "/[a]",
                             "/%", "/%a", "/%zz", "/%u0041", "/a?%2"}) {
    EXPECT_EQ(StatusOfTarget(target), 400) << target;
  }
}

TEST(ParseHead, TakesBracketsInAQueryRawAndEncoded) {
  EXPECT_EQ(StatusOfTarget("/a?name[]=b&name%5B%5D=c&[]"), 0);
  EXPECT_EQ(StatusOfTarget("/a[]?name[]=b"), 400);
}

TEST(ParseHead, SaysInASentenceWhatIsWrongWithATarget) {
  const auto reason_of = [](const std::string& target) {
    const char* reason = ParseLines("GET " + target + " HTTP/1.1\r\nHost: x\r\n").reason;
    return std::string(reason == nullptr ? "" : reason);
  };
  EXPECT_EQ(reason_of("/a?b=%zz"),
            "A percent sign in the path or query is not followed by two hexadecimal digits.");
  EXPECT_EQ(reason_of("/a?b=%4"), reason_of("/%"));
  EXPECT_EQ(reason_of("/a?b={}"),
            "The path or query contains a character that must be percent-encoded.");
  EXPECT_EQ(reason_of("a"), "The target of a request must begin with a slash.");
  EXPECT_EQ(reason_of("/a?b=%41"), "");
}

TEST(ParseHead, BoundsPathAndTarget) {
  EXPECT_EQ(StatusOfTarget("/" + std::string(kMaxPathBytes - 1, 'a')), 0);
  EXPECT_EQ(StatusOfTarget("/" + std::string(kMaxPathBytes, 'a')), 414);
  EXPECT_EQ(StatusOfTarget("/" + std::string(kMaxPathBytes - 1, 'a') + "?" + std::string(500, 'b')),
            0);
  EXPECT_EQ(StatusOfTarget("/?" + std::string(kMaxTargetBytes - 2, 'a')), 0);
  EXPECT_EQ(StatusOfTarget("/?" + std::string(kMaxTargetBytes - 1, 'a')), 414);
}

TEST(ParseHead, BoundsTheNumberOfFields) {
  std::string fields;
  for (std::size_t i = 1; i < kMaxFields; ++i) fields += "X: y\r\n";
  EXPECT_EQ(StatusWith(fields), 0);
  EXPECT_EQ(StatusWith(fields + "X: y\r\n"), 431);
}

TEST(ParseHead, BoundsTheHead) {
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
  const std::string fitting(kMaxHeadBytes - start.size() - 4, 'y');
  EXPECT_EQ(ParseHead(start + fitting + "\r\n\r\n").status, 0);
  EXPECT_EQ(ParseHead(start + fitting + "y\r\n\r\n").status, 431);
}

TEST(ParseHead, RefusesMalformedFields) {
  for (const std::string& line :
       {"X : y"s, "X\t: y"s, ": y"s, "X"s, " X: y"s, "X: y\r\n folded"s, "X: y\r\n\tfolded"s,
        "X: a\nY: b"s, "X: a\rY: b"s, "X: a\r\r"s, "X: \0"s, "X\0: y"s, "X: a\x01"s, "X: a\x7f"s,
        "X\xe9: y"s, "X(: y"s, "X Y: z"s, "X: y\r\n\r\nGET / HTTP/1.1"s}) {
    EXPECT_EQ(StatusWith(line + "\r\n"), 400) << line;
  }
  EXPECT_EQ(StatusWith("X:\r\n"), 0);
  EXPECT_EQ(StatusWith("X:y\r\n"), 0);
  EXPECT_EQ(StatusWith("X: a:b\tc\r\n"), 0);
}

TEST(ParseHead, RequiresExactlyOneHost) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(StatusWith("Host: x\r\n"), 400);
  EXPECT_EQ(StatusWith("hOST: y\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n"), 400);
}

TEST(ParseHead, KnowsAHostWhenItSeesOne) {
  for (const char* host : {"x", "a-b.example_1.org", "a.:80", "127.0.0.1", "127.0.0.1:9797",
                           "[::1]", "[::1]:9797", "[::ffff:1.2.3.4]", "x:"}) {
    EXPECT_EQ(StatusOfHost(host), 0) << host;
  }
  for (const char* host : {"",       ":80",     "a b",   "a/b",      "a@b",  "a%0d%0ab", "<a>",
                           "a,b",    "a:b",     "a:1:2", "a:123456", "[",    "[]",       "[::1",
                           "[::1]x", "[::1]:x", "[g]",   "::1",      "\xe9", "a\\b",     "a\"b"}) {
    EXPECT_EQ(StatusOfHost(host), 400) << host;
  }
  EXPECT_EQ(StatusOfHost(std::string(256, 'a')), 400);
}

TEST(ParseHead, RefusesBodies) {
  EXPECT_EQ(StatusWith("Content-Length: 0\r\n"), 0);
  EXPECT_EQ(StatusWith("Content-Length: 5\r\n"), 413);
  EXPECT_EQ(StatusWith("Content-Length: 99999999999999999999999\r\n"), 413);
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\n"), 501);
  EXPECT_EQ(StatusWith("Transfer-Encoding: identity\r\n"), 501);
  EXPECT_EQ(StatusWith("Transfer-Encoding:\r\n"), 501);
  EXPECT_EQ(StatusWith("Expect: 100-continue\r\n"), 417);
}

TEST(ParseHead, RefusesWhatSmugglesRequests) {
  for (const char* lines :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 0, 0\r\n", "Content-Length: +0\r\n", "Content-Length: -1\r\n",
        "Content-Length: 0x0\r\n", "Content-Length:\r\n", "Content-Length : 5\r\n",
        "Transfer-Encoding : chunked\r\n", "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n", "X: y\rTransfer-Encoding: chunked\r\n"}) {
    EXPECT_EQ(StatusWith(lines), 400) << lines;
  }
}

TEST(ParseHead, SaysMalformedBeforeAnythingElse) {
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: x\r\nX : y\r\n"), 400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\n"), 400);
}

TEST(ParseHead, RefusesAHeadThatIsNotWhole) {
  EXPECT_EQ(ParseHead("").status, 400);
  EXPECT_EQ(ParseHead("\r\n\r\n").status, 400);
  EXPECT_EQ(ParseHead("GET / HTTP/1.1\r\nHost: x\r\n").status, 400);
}

TEST(ParseHead, NeverAcceptsAHeadWithOneByteMadeAControlCharacter) {
  const std::string good = "GET /a HTTP/1.1\r\nHost: x\r\nX: y z\r\n\r\n";
  ASSERT_EQ(ParseHead(good).status, 0);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (char c : {'\0', '\x01', '\b', '\n', '\v', '\r', '\x1b', '\x7f'}) {
      if (good[at] == c) continue;
      std::string bad = good;
      bad[at] = c;
      EXPECT_NE(ParseHead(bad).status, 0) << at << " " << static_cast<int>(c);
    }
  }
}

}  // namespace
}  // namespace pg_hello::http
