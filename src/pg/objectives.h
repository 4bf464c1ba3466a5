// Keeps the objectives of pg_hello.slo in shared memory up to date.
#ifndef PG_HELLO_PG_OBJECTIVES_H
#define PG_HELLO_PG_OBJECTIVES_H

#include <cstdint>

namespace pg_hello::pg {

// Counts what has happened since it last did, if it is time for it; true if it did. To be called at
// each turn of the worker's loop, by the worker's main thread only; `now_ms` are milliseconds of
// CLOCK_MONOTONIC, which all processes share. Raises no error.
bool CountObjectives(std::int64_t now_ms) noexcept;

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_OBJECTIVES_H
