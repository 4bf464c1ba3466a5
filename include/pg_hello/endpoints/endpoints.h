// Which path answers what. The room where HTTP, exposition and health meet; none of them knows of
// the others.
//
// No answer contains anything of the request. No answer may be cached: all of them are of now.
#ifndef PG_HELLO_ENDPOINTS_ENDPOINTS_H
#define PG_HELLO_ENDPOINTS_ENDPOINTS_H

#include <cstddef>
#include <functional>

#include "pg_hello/http/message.h"
#include "pg_hello/http/router.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::endpoints {

// Called once for each request that needs one, at that moment. What it throws becomes a 500.
using SnapshotSource = std::function<snapshot::Snapshot()>;

// Called once after each exposition is built, with its number of samples.
using ScrapeObserver = std::function<void(std::size_t samples)>;

// Adds all paths to `router`, which then owns copies of `source` and `observer`; neither may be
// empty. What they refer to must outlive the router.
void Register(http::Router& router, SnapshotSource source, ScrapeObserver observer);

// The answer of each path; they throw what exposition and health throw, that is std::bad_alloc and,
// for a snapshot that contradicts itself, std::out_of_range.

// /metrics: text 0.0.4. `samples` is set to the number of samples, if it is not null.
http::Response Metrics(const snapshot::Snapshot& snapshot, std::size_t* samples);

// /health: application/health+json; 503 if the report fails, 200 otherwise.
http::Response Health(const snapshot::Snapshot& snapshot);

// /livez: that an answer comes at all is the answer. Always 200.
http::Response Livez();

// /readyz: 200 or 503, see health::IsReady() and health::ReadyText().
http::Response Readyz(const snapshot::Snapshot& snapshot, bool verbose);

// /: a page for people, with links to the others. Needs nothing from elsewhere and has no script.
http::Response Index();

}  // namespace pg_hello::endpoints

#endif  // PG_HELLO_ENDPOINTS_ENDPOINTS_H
