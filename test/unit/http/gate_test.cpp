// Who is let in: names of the server, and the token in its file.
#include "http/gate.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

constexpr char kToken[] = "abcdefghijklmnop0123";

class GateTest : public testing::Test {
 protected:
  GateTest() {
    char made[] = "/tmp/pg_hello_gate.XXXXXX";
    folder_ = mkdtemp(made);
    file_ = folder_ + "/token";
  }
  ~GateTest() override { std::filesystem::remove_all(folder_); }

  std::string Load(const std::string& contents, mode_t mode = 0600) {
    std::ofstream(file_, std::ios::trunc) << contents;
    chmod(file_.c_str(), mode);
    return gate_.Keep({.hosts = {}, .token_file = file_});
  }
  bool LetsIn(const std::string& shown) const { return gate_.LetsIn("Bearer " + shown); }

  std::string folder_;
  std::string file_;
  Gate gate_;
};

TEST_F(GateTest, WithoutATokenFileNobodyNeedsAToken) {
  EXPECT_TRUE(gate_.LetsIn(""));
  EXPECT_EQ(gate_.Keep({}), "");
  EXPECT_TRUE(gate_.LetsIn(""));
  EXPECT_TRUE(gate_.LetsIn("Bearer whatever"));
  EXPECT_FALSE(gate_.needs_token());
}

TEST_F(GateTest, OnlyTheTokenItselfLetsIn) {
  const std::string token = kToken;
  ASSERT_EQ(Load(token + "\n"), "");
  EXPECT_TRUE(LetsIn(token));
  EXPECT_TRUE(gate_.LetsIn("bEARER  " + token));
  for (const std::string& wrong :
       {std::string(), token + "x", token.substr(1), token.substr(0, token.size() - 1),
        "x" + token.substr(1), token.substr(0, token.size() - 1) + "x", token + " " + token,
        std::string(kMaxTokenBytes, 'a'), std::string(7'000, 'a')}) {
    EXPECT_FALSE(LetsIn(wrong)) << wrong;
  }
  for (const std::string& header :
       {std::string(), token, "Basic " + token, "Bearer" + token, "Bearer:" + token,
        std::string("Bearer"), std::string("Bearer ")}) {
    EXPECT_FALSE(gate_.LetsIn(header)) << header;
  }
}

TEST_F(GateTest, EveryBitOfATokenMatters) {
  const std::string token(kMaxTokenBytes, 'm');
  const Token secret(token);
  EXPECT_TRUE(secret.Is(Token(token)));
  for (std::size_t i = 0; i < token.size() * 8; ++i) {
    std::string other = token;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << i % 8));
    ASSERT_FALSE(secret.Is(Token(other))) << i;
  }
}

TEST_F(GateTest, ATokenIsOneLineOfTheRightLength) {
  for (const std::string& good :
       {std::string(kMinTokenBytes, 'a'), std::string(kMaxTokenBytes, 'Z'),
        std::string("azAZ09-._~+/0123=="), std::string(kToken) + "\r\n"}) {
    EXPECT_EQ(Load(good), "") << good;
  }
  const std::string token = kToken;
  for (const std::string& bad :
       {std::string(), std::string("\n"), std::string(kMinTokenBytes - 1, 'a'),
        std::string(kMaxTokenBytes + 1, 'a'), token + "\n\n", token + "\n" + token, " " + token,
        token + " ", "Bearer " + token, token + "=a", std::string(20, '='), token + "\xC3\xA4",
        token + std::string(1, '\0')}) {
    const std::string fault = Load(bad);
    EXPECT_NE(fault, "") << bad;
    EXPECT_NE(fault.find(file_), std::string::npos);
    EXPECT_EQ(fault.find(token), std::string::npos) << "the secret is in the text";
  }
}

TEST_F(GateTest, AFileThatOthersCanReadIsNotUsed) {
  for (const mode_t mode : {0640U, 0604U, 0660U, 0602U, 0611U}) {
    EXPECT_NE(Load(kToken, mode).find("has group or world access"), std::string::npos) << mode;
    EXPECT_FALSE(LetsIn(kToken));
  }
  EXPECT_EQ(Load(kToken, 0400), "");
}

TEST_F(GateTest, AFileThatCannotBeUsedKeepsTheTokenInUse) {
  ASSERT_EQ(Load(kToken), "");
  EXPECT_NE(Load("short"), "");
  EXPECT_TRUE(LetsIn(kToken));
  EXPECT_FALSE(LetsIn("short"));
  EXPECT_NE(gate_.Keep({.hosts = {}, .token_file = folder_ + "/none"}), "");
  EXPECT_TRUE(LetsIn(kToken));
  EXPECT_NE(gate_.Keep({.hosts = {}, .token_file = folder_}), "");
  EXPECT_TRUE(LetsIn(kToken));
  ASSERT_EQ(Load("another-token-than-before"), "");
  EXPECT_FALSE(LetsIn(kToken));
  EXPECT_TRUE(LetsIn("another-token-than-before"));
}

TEST_F(GateTest, WithoutAUsableFileNobodyIsLetIn) {
  EXPECT_NE(gate_.Keep({.hosts = {}, .token_file = folder_ + "/none"}), "");
  EXPECT_TRUE(gate_.needs_token());
  EXPECT_FALSE(gate_.has_token());
  EXPECT_FALSE(gate_.LetsIn(""));
  EXPECT_FALSE(gate_.LetsIn("Bearer "));
  EXPECT_FALSE(LetsIn(kToken));
}

TEST_F(GateTest, ATokenIsForgottenWithItsSetting) {
  ASSERT_EQ(Load(kToken), "");
  EXPECT_EQ(gate_.Keep({}), "");
  EXPECT_TRUE(gate_.LetsIn(""));
  EXPECT_NE(gate_.Keep({.hosts = {}, .token_file = folder_ + "/none"}), "");
  EXPECT_FALSE(LetsIn(kToken));
}

TEST_F(GateTest, AddressesAndLocalhostAreGoodNames) {
  for (const char* host : {"", "localhost", "LocalHost:9797", "127.0.0.1", "127.0.0.1:9797",
                           "192.0.2.7:1", "[::1]", "[::1]:9797", "[2001:db8::7]:80"}) {
    EXPECT_TRUE(gate_.LetsInHost(host)) << host;
  }
}

TEST_F(GateTest, OtherNamesMustBeGiven) {
  const char* strange[] = {"evil.example",
                           "db1.example.org.evil.example",
                           "localhost.evil.example",
                           "127.0.0.1.evil.example",
                           "xdb1.example.org",
                           "db1.example.org.",
                           "0x7f.0.0.1",
                           "127.1",
                           "2130706433",
                           "[::1.evil]",
                           "*"};
  for (const char* host : strange) EXPECT_FALSE(gate_.LetsInHost(host)) << host;
  gate_.Keep({.hosts = {"DB1.example.org", "db1"}, .token_file = {}});
  for (const char* host : strange) EXPECT_FALSE(gate_.LetsInHost(host)) << host;
  EXPECT_TRUE(gate_.LetsInHost("db1.EXAMPLE.org:9797"));
  EXPECT_TRUE(gate_.LetsInHost("db1"));
  gate_.Keep({.hosts = {"*"}, .token_file = {}});
  EXPECT_TRUE(gate_.LetsInHost("evil.example"));
}

TEST_F(GateTest, IsAskedBeforeAnyHandler) {
  int asked = 0;
  Site site({{"/data", [&](const Request&) {
                ++asked;
                return TextResponse(200, "data\n");
              }}});
  std::ofstream(file_) << kToken;
  chmod(file_.c_str(), 0600);
  ASSERT_EQ(site.reactor->SetAccess({.hosts = {}, .token_file = file_}), "");
  site.Listen();
  const auto answer_to = [&](const std::string& target, const std::string& fields) {
    Client client(site.port());
    client.Send("GET " + target + " HTTP/1.1\r\nConnection: close\r\n" + fields + "\r\n");
    EXPECT_TRUE(site.UntilClosed(client));
    return client.received();
  };
  const std::string good = "Authorization: Bearer " + std::string(kToken) + "\r\n";
  std::string text = answer_to("/data", "Host: localhost\r\n");
  EXPECT_EQ(text.rfind("HTTP/1.1 401 Unauthorized\r\n", 0), 0U) << text;
  EXPECT_NE(text.find("WWW-Authenticate: Bearer realm=\"pg_hello\"\r\n"), std::string::npos);
  text = answer_to("/data", "Host: localhost\r\nAuthorization: Bearer wrong-wrong-wrong\r\n");
  EXPECT_NE(text.find("WWW-Authenticate: Bearer realm=\"pg_hello\", error=\"invalid_token\"\r\n"),
            std::string::npos);
  text = answer_to("/data?access_token=" + std::string(kToken), "Host: localhost\r\n");
  EXPECT_EQ(text.rfind("HTTP/1.1 401 ", 0), 0U) << "a token in the query is none";
  text = answer_to("/data", "Host: evil.example\r\n" + good);
  EXPECT_EQ(text.rfind("HTTP/1.1 421 Misdirected Request\r\n", 0), 0U) << text;
  EXPECT_EQ(text.find("evil"), std::string::npos);
  text = answer_to("/data", "Host: localhost\r\nHost: localhost\r\n" + good);
  EXPECT_EQ(text.rfind("HTTP/1.1 400 ", 0), 0U);
  EXPECT_EQ(asked, 0);
  text = answer_to("/data", "Host: localhost\r\n" + good);
  EXPECT_EQ(text.rfind("HTTP/1.1 200 ", 0), 0U) << text;
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace pg_hello::http
