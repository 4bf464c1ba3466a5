// What in a log concerns pg_hello, and what does not.
#include "ctl/log_events.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pg_hello::ctl {
namespace {

std::string CheckOf(const char* level, const char* message) {
  const auto event = Classify({.level = level, .message = message});
  return event ? event->check : "";
}

TEST(LogEventsTest, AreTheGuidesPatterns) {
  EXPECT_EQ(CheckOf("ERROR", "function pg_hello(integer) does not exist"), "error");
  EXPECT_EQ(CheckOf("FATAL", "database \"pg_hello\" does not exist"), "fatal");
  EXPECT_EQ(CheckOf("ERROR", "could not load library \"/x/pg_hello.so\": undefined symbol"),
            "load");
  EXPECT_EQ(CheckOf("FATAL", "could not access file \"pg_hello\": No such file or directory"),
            "load");
  EXPECT_EQ(CheckOf("ERROR", "extension \"pg_hello\" has no update path"), "extension");
}

TEST(LogEventsTest, AreCrashesOfWhateverProcess) {
  EXPECT_EQ(CheckOf("LOG",
                    "background worker \"pg_hello metrics\" (PID 7) was terminated by signal 11: "
                    "Segmentation fault"),
            "crash");
  EXPECT_EQ(CheckOf("LOG", "server process (PID 7) was terminated by signal 9: Killed"), "crash");
  EXPECT_EQ(CheckOf("LOG", "server process (PID 7) exited with exit code 2"), "crash");
  EXPECT_EQ(CheckOf("PANIC", "could not write to file"), "crash");
  EXPECT_EQ(CheckOf("", "terminate called after throwing an instance of 'std::bad_alloc'"),
            "crash");
  EXPECT_EQ(
      CheckOf("LOG", "background worker \"pg_hello metrics\" (PID 7) exited with exit code 1"),
      "worker");
  EXPECT_EQ(CheckOf("LOG", "server process (PID 7) exited with exit code 1"), "");
}

TEST(LogEventsTest, AreTheCollectorsTroubles) {
  EXPECT_EQ(CheckOf("WARNING", "pg_hello: the table of functions is full"), "collector");
  EXPECT_EQ(CheckOf("LOG", "pg_hello: could not listen on 127.0.0.1:9797: Address already in use"),
            "collector");
  EXPECT_EQ(CheckOf("LOG", "pg_hello: serving metrics on http://127.0.0.1:9797/metrics"), "");
}

TEST(LogEventsTest, AreNothingElse) {
  EXPECT_EQ(CheckOf("ERROR", "relation \"t\" does not exist"), "");
  EXPECT_EQ(CheckOf("LOG", "statement: SELECT pg_hello('x')"), "");
  EXPECT_EQ(CheckOf("LOG", "database system is ready to accept connections"), "");
}

TEST(LogEventsTest, ShowNoStatementOfACrashedProcess) {
  const auto event = Classify({.level = "LOG",
                               .message = "server process (PID 7) was terminated by signal 11",
                               .detail = "Failed process was running: SELECT 'secret'"});
  EXPECT_EQ(AsFinding(*event).message.find("secret"), std::string::npos);
  EXPECT_EQ(AsJsonLine(*event).find("secret"), std::string::npos);
}

TEST(LogEventsTest, AreCountedInsteadOfRepeated) {
  LogEvents events;
  EXPECT_TRUE(events.Add({.time = 2000, .level = "ERROR", .message = "pg_hello 17"}));
  EXPECT_FALSE(events.Add({.time = 1000, .level = "ERROR", .message = "pg_hello 4"}));
  EXPECT_FALSE(events.Add({.time = 3000, .level = "ERROR", .message = "pg_hello 4711"}));
  EXPECT_TRUE(events.Add({.level = "ERROR", .database = "b", .message = "pg_hello 4"}));
  EXPECT_FALSE(events.Add({.level = "LOG", .message = "nothing"}));
  ASSERT_EQ(events.all().size(), 2);
  EXPECT_EQ(events.all()[0].count, 3);
  EXPECT_EQ(events.all()[0].first, 1000);
  EXPECT_EQ(events.all()[0].last, 3000);
  EXPECT_EQ(events.all()[0].entry.message, "pg_hello 17");
}

TEST(LogEventsTest, TakeOnlySoMuchMemory) {
  LogEvents events;
  for (int i = 0; i < 30000; ++i) {
    std::string message = "pg_hello ";
    for (int rest = i; rest > 0; rest /= 26) message += static_cast<char>('a' + rest % 26);
    events.Add({.level = "ERROR", .message = message});
  }
  EXPECT_EQ(events.all().size(), 10001);
  EXPECT_EQ(events.all().back().count, 20000);
}

TEST(LogEventsTest, AreLinesOfJson) {
  const auto event = Classify(
      {.time = 1764037682123, .level = "ERROR", .database = "caf\xe9", .message = "pg_hello\nx"});
  const std::string line = AsJsonLine(*event);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(line),
            nlohmann::json::parse(
                R"({"check":"error","status":"warning","count":1,"first":"2025-11-25T02:28:02.123Z",
      "last":"2025-11-25T02:28:02.123Z","level":"ERROR","database":"caf\ufffd","message":"pg_hello\nx"})"));
}

}  // namespace
}  // namespace pg_hello::ctl
