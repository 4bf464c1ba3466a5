// What is answered to whom. Prometheus' headers are those that 2.42 was seen to send, and of the
// others what acceptHeader() in prometheus/prometheus, scrape/scrape.go, makes.
#include "pg_hello/exposition/format.h"

#include <gtest/gtest.h>

#include <string>

namespace pg_hello::exposition {
namespace {

TEST(FormatTest, EachFormatHasItsContentType) {
  EXPECT_STREQ(ContentType(Format::kText), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_STREQ(ContentType(Format::kOpenMetrics),
               "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_STREQ(ContentType(Format::kProtobuf),
               "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
               "encoding=delimited");
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

TEST(FormatTest, OpenMetricsIsForThoseWhoAskForIt) {
  for (const char* accept :
       {"application/openmetrics-text", "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text; version=0.0.1; charset=utf-8",
        "APPLICATION/OpenMetrics-Text",
        "application/openmetrics-text ; Version = 1.0.0, application/openmetrics-text",
        "application/openmetrics-text;version=\"1.0.0\"", "application/*",
        "text/html,application/*", "application/openmetrics-text;;version=1.0.0;",
        "\t application/openmetrics-text\t",
        "text/plain;q=0.3,application/openmetrics-text;q=0.301",
        "application/openmetrics-text;version=2.0.0;q=0.9,application/"
        "openmetrics-text;version=1.0.0;q=0.1",
        "*/*;q=0.5,application/openmetrics-text;q=0.5", "nonsense,application/openmetrics-text",
        "a/b;c=\",\\\",\",application/openmetrics-text", "/,application/openmetrics-text"}) {
    EXPECT_EQ(ChooseFormat(accept), Format::kOpenMetrics) << accept;
  }
  for (const char* accept :
       {"application/openmetrics-text;version=2.0.0", "application/openmetrics-text;version=",
        "application/openmetrics-text;q=0", "application/openmetrics-text;q=1.001",
        "application/openmetrics-text;q=.5", "application/openmetrics-text;q=0.1234",
        "application/openmetrics-text;q=-1", "application/openmetrics-text;q=nan",
        "application/openmetrics-text extra", "application/openmetrics-text;q=0.2,text/plain;q=0.3",
        "application/openmetrics-text;q=0, application/*;q=0",
        "text/plain,application/openmetrics-text", "application/openmetrics-text;q=0.5,*/*"}) {
    EXPECT_EQ(ChooseFormat(accept), Format::kText) << accept;
  }
}

TEST(FormatTest, ProtobufIsForThoseWhoNameTheMessageAndTheEncoding) {
  for (const char* accept :
       {"application/"
        "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        "application/vnd.google.protobuf; encoding=\"delimited\"; "
        "proto=io.prometheus.client.MetricFamily",
        "application/openmetrics-text;q=0.9,application/vnd.google.protobuf;"
        "proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=underscores"}) {
    EXPECT_EQ(ChooseFormat(accept), Format::kProtobuf) << accept;
  }
  for (const char* accept :
       {"application/vnd.google.protobuf", "application/vnd.google.protobuf;encoding=delimited",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
        "application/vnd.google.protobuf;proto=another.Message;encoding=delimited"}) {
    EXPECT_EQ(ChooseFormat(accept), Format::kText) << accept;
  }
}

TEST(FormatTest, AnswersPrometheus) {
  const std::string protobuf =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  // 2.42, without and with native histograms
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=1.0.0,"
                         "application/openmetrics-text;version=0.0.1;q=0.75,"
                         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::kOpenMetrics);
  EXPECT_EQ(ChooseFormat(protobuf + ",application/openmetrics-text;version=1.0.0;q=0.8,"
                                    "application/openmetrics-text;version=0.0.1;q=0.75,"
                                    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::kProtobuf);
  // 2.53, likewise
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=1.0.0;q=0.5,"
                         "application/openmetrics-text;version=0.0.1;q=0.4,"
                         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            Format::kOpenMetrics);
  EXPECT_EQ(ChooseFormat(protobuf + ";q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,"
                                    "application/openmetrics-text;version=0.0.1;q=0.3,"
                                    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
            Format::kProtobuf);
  // 3, likewise, and told to scrape text only
  EXPECT_EQ(ChooseFormat("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                         "application/openmetrics-text;version=0.0.1;q=0.5,"
                         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            Format::kOpenMetrics);
  EXPECT_EQ(ChooseFormat(protobuf +
                         ";q=0.6,"
                         "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                         "application/openmetrics-text;version=0.0.1;q=0.4,"
                         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                         "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
            Format::kProtobuf);
  EXPECT_EQ(ChooseFormat("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.5"),
            Format::kText);
}

TEST(FormatTest, AnyBytesAreAllowed) {
  std::string accept = "application/openmetrics-text;version=\"1.0.0\";q=0.5,*/*;q=0.1";
  for (std::size_t i = 0; i < accept.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = accept;
      changed[i] = static_cast<char>(byte);
      const Format format = ChooseFormat(changed);
      EXPECT_TRUE(format == Format::kText || format == Format::kOpenMetrics);
      ChooseFormat(changed.substr(0, i + 1));
      ChooseFormat(changed.substr(i));
    }
  }
}

}  // namespace
}  // namespace pg_hello::exposition
