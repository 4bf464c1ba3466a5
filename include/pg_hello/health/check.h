// One check of one thing: a name, a verdict and what it was made from.
#ifndef PG_HELLO_HEALTH_CHECK_H
#define PG_HELLO_HEALTH_CHECK_H

#include <cstdint>
#include <string>
#include <variant>

namespace pg_hello::health {

// Ordered: the worse, the greater.
enum class Status : std::uint8_t { kPass, kWarn, kFail };

// "pass", "warn" or "fail".
const char* ToString(Status status);

using Observed =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string>;

struct Check {
  std::string name;  // "component:measurement", and more after a further colon. UTF-8
  Status status = Status::kPass;
  Observed observed = {};     // monostate: there is nothing to be observed
  const char* unit = "";      // of `observed`; a literal, empty if it has none
  const char* rule = "";      // when it warns and fails; a literal, a sentence
  std::string output = {};    // why it does not pass; empty if it does
  std::int64_t since_us = 0;  // what is counted is counted since then (Unix epoch), 0: not counted
  std::int64_t status_since_us = 0;  // it has had this status since then, 0: not known
  bool excluded = false;             // left out by who asked: its status decides nothing
};

}  // namespace pg_hello::health

#endif  // PG_HELLO_HEALTH_CHECK_H
