// What is taken for a secret, and what is not.
#include "ctl/bundle.h"

#include <gtest/gtest.h>

namespace pg_hello::ctl {
namespace {

TEST(SecretsTest, AreMasked) {
  EXPECT_EQ(WithoutSecrets("host=a password=hush user=b"), "host=a password=*** user=b");
  EXPECT_EQ(WithoutSecrets("password = 'hu''sh \\' it' x"), "password = *** x");
  EXPECT_EQ(WithoutSecrets("PGPASSWORD=hush"), "PGPASSWORD=***");
  EXPECT_EQ(WithoutSecrets("password=hu\\ sh b"), "password=*** b");
  EXPECT_EQ(WithoutSecrets("postgresql://me:hush@host/db?x=y"), "postgresql://me:***@host/db?x=y");
  EXPECT_EQ(WithoutSecrets("postgresql://host/db?password=hush&x=y"),
            "postgresql://host/db?password=***&x=y");
  EXPECT_EQ(WithoutSecrets("ALTER ROLE r PASSWORD 'hush';"), "ALTER ROLE r PASSWORD ***;");
  EXPECT_EQ(WithoutSecrets("{\"token\": \"hush\", \"a\": 1}"), "{\"token\": ***, \"a\": 1}");
  EXPECT_EQ(WithoutSecrets("Authorization: Bearer hush x"), "Authorization: Bearer *** x");
  EXPECT_EQ(WithoutSecrets("secret: hush"), "secret: ***");
  EXPECT_EQ(WithoutSecrets("password='never closed"), "password=***");
}

TEST(SecretsTest, LeaveEverythingElseAlone) {
  for (const char* const text :
       {"", "password authentication failed for user \"x\"", "http://127.0.0.1:9797/metrics",
        "pg_hello.auth_token_file is set", "password=", "a@b://c", "syntax error at token 5"}) {
    EXPECT_EQ(WithoutSecrets(text), text);
  }
}

TEST(BundleTest, IsCompressed) {
  const std::string packed = Pack({{"a.txt", "x"}, {"b.txt", ""}}, "d");
  EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
}

}  // namespace
}  // namespace pg_hello::ctl
