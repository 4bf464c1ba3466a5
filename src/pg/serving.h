// The worker's C++ half behind a face of plain values: nothing here raises a PostgreSQL error and
// nothing throws, so that worker.cpp can call PostgreSQL without a C++ object in the way.
#ifndef PG_HELLO_PG_SERVING_H
#define PG_HELLO_PG_SERVING_H

#include <cstdint>

namespace pg_hello::pg {

// All functions: the worker's main thread only; times are monotonic milliseconds.

// Makes the HTTP server and has it listen as the settings say. False if there is no memory.
bool StartServing(std::int64_t now_ms) noexcept;
// Listens as the settings say now, with the certificate that is in the files now.
void Listen(std::int64_t now_ms) noexcept;
// Everything that is due: requests, deadlines, retries. Does not block.
void Serve(std::int64_t now_ms) noexcept;
// Takes note of the checks' states, so that /health can say since when they are what they are.
void WatchHealth() noexcept;
// Closes every socket.
void StopServing() noexcept;

// Readable when Serve() has something to do.
int ServingDescriptor() noexcept;
// Until Serve() has a deadline to see to, at most `at_most_ms`.
std::int64_t ServingTimeoutMs(std::int64_t now_ms, std::int64_t at_most_ms) noexcept;

// What has happened to a listener, its certificate or the token.
struct ServingNews {
  const char* message;
  const char* hint;  // null if there is nothing to be done
  bool warning;
};

// News that have not been told yet, as texts for the log that stay valid until the next call. False
// if there are none.
bool NextServingNews(ServingNews* news) noexcept;

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SERVING_H
