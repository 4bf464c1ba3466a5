// What the background worker tells the rest of the server about itself, in shared memory: written
// by the worker alone, read by any backend (pg_hello_info()) and by the worker's own exposition.
#ifndef PG_HELLO_SHARED_WORKER_STATUS_H
#define PG_HELLO_SHARED_WORKER_STATUS_H

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pg_hello/shared/published.h"

namespace pg_hello::shared {

// The label values of pg_hello_http_requests_total. Fixed sets, so that no client can make series;
// what is not listed counts as the last one.
inline constexpr std::array<const char*, 9> kHttpPaths = {"/metrics",
                                                          "/health",
                                                          "/livez",
                                                          "/readyz",
                                                          "/",
                                                          "/api/v1/functions",
                                                          "/api/v1/functions/{datname}/{funcid}",
                                                          "/api/v1/active",
                                                          "other"};
inline constexpr std::array<const char*, 15> kHttpCodes = {"200", "400", "404", "405", "406",
                                                           "408", "413", "414", "417", "431",
                                                           "500", "501", "503", "505", "other"};

struct ListenText {
  char addresses[256];  // "127.0.0.1:9797, [::1]:9797"; empty while nothing is bound. UTF-8.
  char error[256];      // why an address is not bound; empty if all are. UTF-8.
};

struct WorkerStatus {
  std::atomic<std::uint32_t> pid;              // 0: no worker runs
  std::atomic<std::uint32_t> starts;           // starts since the postmaster's
  std::atomic<std::int64_t> started_at_us;     // microseconds since the Unix epoch
  std::atomic<std::int64_t> heartbeat_at_us;   // last turn of the main loop, same unit
  std::atomic<std::uint64_t> longest_turn_ns;  // since the worker's start
  std::atomic<std::uint32_t> port;             // port in use on the first address, 0: none
  std::atomic<std::uint32_t> listening;        // 1 if every configured address is bound
  std::atomic<std::uint64_t> bind_failures;
  std::atomic<std::uint32_t> connections;  // open client connections
  std::atomic<std::uint32_t> requests_in_flight;
  std::atomic<std::uint64_t> scrapes;
  std::atomic<std::uint64_t> scrape_duration_ns;  // of the last scrape
  std::atomic<std::uint64_t> scrape_series;       // samples in the last scrape
  std::array<std::array<std::atomic<std::uint64_t>, kHttpCodes.size()>, kHttpPaths.size()>
      http_requests;
  Published<ListenText> listen_text;
};

// Indexes into WorkerStatus::http_requests.
std::size_t HttpPathIndex(const char* path, std::size_t length);
std::size_t HttpCodeIndex(int code);

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_WORKER_STATUS_H
