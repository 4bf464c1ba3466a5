// The three formats of the server's log, with whatever log_line_prefix.
#include "ctl/log_decoder.h"

#include <gtest/gtest.h>

#include <vector>

namespace pg_hello::ctl {
namespace {

std::vector<LogEntry> Decode(LogFormat format, const std::string& prefix, std::string_view text) {
  std::vector<LogEntry> entries;
  LogDecoder decoder(format, prefix, [&](const LogEntry& entry) { entries.push_back(entry); });
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    decoder.Line(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  decoder.Flush();
  return entries;
}

TEST(LogPrefixTest, SaysWhatItsFormatSays) {
  const auto prefix = MatchPrefix("%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
                                  "2025-11-25 02:28:02 UTC [4711]: [3-1] user=a b,db=my, db,"
                                  "app=x [1],client=10.0.0.1 ");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->time, 1764037682000);
  EXPECT_EQ(prefix->pid, "4711");
  EXPECT_EQ(prefix->user, "a b");
  EXPECT_EQ(prefix->database, "my, db");
}

TEST(LogPrefixTest, EndsAtQForProcessesWithoutASession) {
  const char* const debian = "%m [%p] %q%u@%d ";
  EXPECT_EQ(MatchPrefix(debian, "2025-11-25 02:28:02.123 UTC [12] ")->pid, "12");
  EXPECT_EQ(MatchPrefix(debian, "2025-11-25 02:28:02.123 UTC [12] me@shop ")->database, "shop");
  EXPECT_EQ(MatchPrefix(debian, "2025-11-25 02:28:02.123 UTC [12] me"), std::nullopt);
}

TEST(LogPrefixTest, KnowsTheOtherEscapes) {
  const auto prefix =
      MatchPrefix("%n %e %-6p %c %x %v %r %b %i %Q%% ",
                  "1764037682.123 57014 12     692.1c 0 3/14 [local] client backend SELECT 0% ");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->time, 1764037682123);
  EXPECT_EQ(prefix->sqlstate, "57014");
  EXPECT_EQ(prefix->pid, "12");
}

TEST(LogPrefixTest, DoesNotTryForever) {
  EXPECT_EQ(MatchPrefix("%u%d%a%u%d%a%u%d%a%u%d%a!", std::string(2000, 'x')), std::nullopt);
}

TEST(LogDecoderTest, PutsDetailsToTheirProcess) {
  const auto entries = Decode(LogFormat::kStderr, "%m [%p] %q%u@%d ",
                              "2025-11-25 02:28:02.001 UTC [1] a@x ERROR:  first\n"
                              "\tgoes on\n"
                              "2025-11-25 02:28:02.002 UTC [2] b@y ERROR:  second\n"
                              "2025-11-25 02:28:02.001 UTC [1] a@x DETAIL:  of the first\n"
                              "2025-11-25 02:28:02.002 UTC [2] b@y HINT:  of the second\n"
                              "2025-11-25 02:28:02.001 UTC [1] a@x STATEMENT:  SELECT 'secret'\n"
                              "\tFROM t\n");
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0].message, "first\ngoes on");
  EXPECT_EQ(entries[0].detail, "of the first");
  EXPECT_EQ(entries[0].database, "x");
  EXPECT_EQ(entries[1].message, "second");
  EXPECT_EQ(entries[1].hint, "of the second");
  EXPECT_EQ(entries[1].user, "b");
}

TEST(LogDecoderTest, TakesNoPrefixForAMessage) {
  const auto entries =
      Decode(LogFormat::kStderr, "%m [%p] %a: ",
             "2025-11-25 02:28:02.001 UTC [1] ERROR:  pg_hello: LOG:  connection authorized\n");
  ASSERT_EQ(entries.size(), 1);
  EXPECT_EQ(entries[0].level, "LOG");
  EXPECT_EQ(entries[0].message, "connection authorized");
}

TEST(LogDecoderTest, GuessesWithoutAPrefix) {
  const auto entries = Decode(LogFormat::kStderr, "",
                              "2025-11-25 02:28:02 UTC [4711]: [3-1] user=u FATAL:  no\n"
                              "terminate called after throwing\n");
  ASSERT_EQ(entries.size(), 2);
  // What nobody says more about is given at once.
  EXPECT_EQ(entries[0].level, "");
  EXPECT_EQ(entries[0].message, "terminate called after throwing");
  EXPECT_EQ(entries[1].time, 1764037682000);
  EXPECT_EQ(entries[1].pid, "4711");
  EXPECT_EQ(entries[1].level, "FATAL");
}

TEST(LogDecoderTest, ReadsCsvAcrossLines) {
  const auto entries = Decode(
      LogFormat::kCsv, "",
      "2025-11-25 02:28:02.123 UTC,\"me\",\"a \"\"b\"\", c\",4711,\"[local]\",69.1,2,\"SELECT\","
      "2025-11-25 02:28:00 UTC,3/4,0,ERROR,42883,\"function pg_hello(\n1) does not exist\",,"
      "\"a hint\",,,\"a context\",\"SELECT 'secret'\",8,,\"psql\",\"client backend\",,0\n"
      "2025-11-25 02:28:03.000 UTC,,,1,,1.1,1,,2025-11-25 02:28:00 UTC,,0,LOG,00000,\"ready\",,,,,"
      ",,,,\"\",\"postmaster\",,0\n");
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0].time, 1764037682123);
  EXPECT_EQ(entries[0].database, "a \"b\", c");
  EXPECT_EQ(entries[0].level, "ERROR");
  EXPECT_EQ(entries[0].sqlstate, "42883");
  EXPECT_EQ(entries[0].message, "function pg_hello(\n1) does not exist");
  EXPECT_EQ(entries[0].hint, "a hint");
  EXPECT_EQ(entries[0].context, "a context");
  EXPECT_EQ(entries[1].message, "ready");
}

TEST(LogDecoderTest, ReadsJson) {
  const auto entries =
      Decode(LogFormat::kJson, "",
             R"({"timestamp":"2025-11-25 02:28:02.123 UTC","user":"me","dbname":"shop","pid":12,)"
             R"("error_severity":"ERROR","state_code":"58P01","message":"m","detail":"d",)"
             R"("statement":"SELECT 'secret'"})"
             "\nnot JSON\n[]\n");
  ASSERT_EQ(entries.size(), 1);
  EXPECT_EQ(entries[0].time, 1764037682123);
  EXPECT_EQ(entries[0].pid, "12");
  EXPECT_EQ(entries[0].database, "shop");
  EXPECT_EQ(entries[0].message, "m");
}

TEST(LogDecoderTest, TellsTheFormatsApart) {
  EXPECT_EQ(GuessLogFormat("/x/a.csv.gz", ""), LogFormat::kCsv);
  EXPECT_EQ(GuessLogFormat("/x/a.json", ""), LogFormat::kJson);
  EXPECT_EQ(GuessLogFormat("/x/a.log", "2025-11-25 02:28:02.123 UTC [1] LOG:  a, b"),
            LogFormat::kStderr);
  EXPECT_EQ(GuessLogFormat("/x/a", "2025-11-25 02:28:02.123 UTC,\"me\",\"db\",1"), LogFormat::kCsv);
  EXPECT_EQ(GuessLogFormat("/x/a", "{\"timestamp\":\"2025"), LogFormat::kJson);
}

}  // namespace
}  // namespace pg_hello::ctl
