// Which functions are to be tracked, and why others are not.
#ifndef PG_HELLO_PG_TRACKING_RULES_H
#define PG_HELLO_PG_TRACKING_RULES_H

#include <cstdint>

#include "pg/pg.h"

extern "C" {
#include "access/htup.h"
}

namespace pg_hello::pg {

// Functions with smaller oids came with the server and are never tracked.
inline constexpr Oid kFirstUserFunction = 16384;

enum class Rule : std::uint8_t {
  kTracked,
  kBuiltIn,     // the oid is below kFirstUserFunction
  kSetting,     // pg_hello.track does not ask for it
  kInlinable,   // it may be replaced by its body, and pg_hello.track_inlinable is off
  kConversion,  // an encoding conversion
  kAggregate,   // is never called itself: its transition and final functions are
  kHandler,     // of a procedural language: the server calls it past the hook
};

// What the settings of now say of a function. REQUIRES: a transaction. Raises no error of its own.
Rule RuleFor(HeapTuple procedure);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_TRACKING_RULES_H
