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
inline constexpr std::array<const char*, 11> kHttpPaths = {"/metrics",
                                                           "/health",
                                                           "/health/{check}",
                                                           "/livez",
                                                           "/readyz",
                                                           "/readyz/{check}",
                                                           "/",
                                                           "/api/v1/functions",
                                                           "/api/v1/functions/{datname}/{funcid}",
                                                           "/api/v1/active",
                                                           "other"};
inline constexpr std::array<const char*, 17> kHttpCodes = {
    "200", "400", "401", "404", "405", "406", "408", "413",  "414",
    "417", "421", "431", "500", "501", "503", "505", "other"};

struct ListenText {
  char addresses[256];  // "127.0.0.1:9797, [::1]:9797"; empty while nothing is bound. UTF-8.
  char error[256];      // why an address is not bound or nobody is let in; empty if all is well
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
  std::atomic<std::uint64_t> connections_refused;  // since the worker's start, for want of a place
  std::atomic<std::int64_t> refused_at_us;         // the last of them, 0: none yet
  // When the first of the certificates that are shown to clients expires, 0: there are none.
  std::atomic<std::int64_t> certificate_expires_at_us;
};

// Indexes into WorkerStatus::http_requests.
std::size_t HttpPathIndex(const char* path, std::size_t length);
std::size_t HttpCodeIndex(int code);

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_WORKER_STATUS_H
