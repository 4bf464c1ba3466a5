// Which path answers what. The room where HTTP, exposition and health meet; none of them knows of
// the others.
//
// No answer contains anything of the request. No answer may be cached: all of them are of now.
#ifndef PG_HELLO_ENDPOINTS_ENDPOINTS_H
#define PG_HELLO_ENDPOINTS_ENDPOINTS_H

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "pg_hello/endpoints/rounds.h"
#include "pg_hello/exposition/renderer.h"
#include "pg_hello/health/health_report.h"
#include "pg_hello/http/message.h"
#include "pg_hello/http/router.h"
#include "pg_hello/selection/admission.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::endpoints {

// The settings that decide what is shown, at that moment.
using BudgetSource = std::function<selection::Budget()>;

// What is thrown becomes a 500.
using HealthSource = std::function<health::HealthReport()>;

// Called once after each exposition is built, with its number of samples. Must not throw.
using ScrapeObserver = std::function<void(std::size_t samples)>;

// What is thrown becomes a 500.
using SnapshotSource = std::function<snapshot::Snapshot()>;

// Where the answers come from. Each is asked at the moment of the answer.
struct Sources {
  SnapshotRenewal everything;  // for long answers: at most once at a time for all who wait
  SnapshotSource unshared;     // the same, at once and for each request
  HealthSource health;         // at once and for each request
  BudgetSource budget;
};

// Adds all paths to `router`, which then owns copies of `sources` and `observer`; none may be
// empty. What they refer to must outlive the router.
void Register(http::Router& router, const Sources& sources, ScrapeObserver observer);

// /metrics: the format that Accept prefers, compressed only if Accept-Encoding asks for it; 400 for
// parameters that make no sense, 406 if neither gzip nor a plain body is acceptable. Made in steps,
// and shared; see rounds.h.
http::Answer Metrics(Rounds& rounds, const http::Request& request,
                     const std::shared_ptr<exposition::IdleRenderers>& idle,
                     const BudgetSource& budget, const ScrapeObserver& observer);

// The answer of each other path; they throw what health throws, that is std::bad_alloc.

// /api/v1/functions: compressed and refused as /metrics is, and shared.
http::Answer Functions(Rounds& rounds, const http::Request& request, const BudgetSource& budget);

// /api/v1/active: likewise.
http::Answer Active(Rounds& rounds, const http::Request& request);

// /api/v1/functions/{datname}/{funcid}: 404 if there is none. Any texts are allowed.
http::Response Function(const snapshot::Snapshot& snapshot, const selection::Budget& budget,
                        std::string_view datname, std::string_view funcid);

// /health: application/health+json; 503 if the report fails, 200 otherwise. The parameter `verbose`
// adds the rules, `exclude`, any number of times, leaves checks out.
http::Response Health(health::HealthReport report, const http::Params& params);

// /health/{check}: the same of one check or of one component's; 404 if there is none.
http::Response HealthOf(health::HealthReport report, const http::Params& params,
                        std::string_view check);

// /livez: that an answer comes at all is the answer. Always 200.
http::Response Livez(const http::Params& params);

// /readyz: 200 or 503, see health::IsReady() and health::ReadyText(). Parameters as for /health.
http::Response Readyz(health::HealthReport report, const http::Params& params);

// /readyz/{check}: the same of one of the checks that decide it; 404 if it is none of them.
http::Response ReadyzOf(health::HealthReport report, const http::Params& params,
                        std::string_view check);

// /: the page for people, page::Html(). Whoever is sent it shares it.
http::Response Page(std::shared_ptr<const std::string> html);

}  // namespace pg_hello::endpoints

#endif  // PG_HELLO_ENDPOINTS_ENDPOINTS_H
