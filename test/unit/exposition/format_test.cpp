// What is answered to whom. The headers of real clients are in it as they were sent.
#include "pg_hello/exposition/format.h"

#include <gtest/gtest.h>

#include <string>

namespace pg_hello::exposition {
namespace {

TEST(FormatTest, EachFormatHasItsContentType) {
  EXPECT_STREQ(ContentType(Format::kText), "text/plain; version=0.0.4; charset=utf-8");
}

TEST(FormatTest, TextIsForThoseWhoAskForNothingKnown) {
  for (const char* accept :
       {"",
        " ",
        ",",
        ",,;",
        "*/*",
        "text/plain",
        "text/*",
        "text/html",
        "image/png, */*;q=0.1",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        "text/plain;version=0.0.4",
        "text/plain;version=0.0.4;q=0",
        "*/*;q=0",
        "/",
        "text",
        "text/",
        "/plain",
        "*/plain",
        "\"",
        "text/plain;q=\"",
        "text/plain;q=1;=",
        "text/plain;version"}) {
    EXPECT_EQ(ChooseFormat(accept), Format::kText) << accept;
  }
}

}  // namespace
}  // namespace pg_hello::exposition
