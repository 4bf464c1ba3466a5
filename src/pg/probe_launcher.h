// The worker's part in probes: it has visitors started when they are due, and waits for none.
#ifndef PG_HELLO_PG_PROBE_LAUNCHER_H
#define PG_HELLO_PG_PROBE_LAUNCHER_H

#include <cstdint>

namespace pg_hello::pg {

// All functions: the worker's main thread only; times are monotonic milliseconds.

// Takes over from a worker that has ended. False if there is no memory.
bool StartProbing() noexcept;
// Has started and ended what is due, and tells the log what has changed. Does not block. The
// postmaster's SIGUSR1 says when a visitor has started or ended.
void Probe(std::int64_t now_ms);
// Until Probe() has something to see to, at most `at_most_ms`.
std::int64_t ProbingTimeoutMs(std::int64_t now_ms, std::int64_t at_most_ms) noexcept;

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_PROBE_LAUNCHER_H
