// The paths and the page. The page is a literal here, not a file, because the library has nowhere
// to find a file at run time.
#include "pg_hello/endpoints/endpoints.h"

#include <memory>
#include <string>
#include <utility>

#include "pg_hello/exposition/format.h"
#include "pg_hello/exposition/text_format.h"
#include "pg_hello/health/health_report.h"

namespace pg_hello::endpoints {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kHtml[] = "text/html; charset=utf-8";

// Links are relative, so that they also work behind a proxy that adds a prefix.
constexpr char kPage[] = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pg_hello</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 40rem; padding: 1rem; }
dt { font-family: ui-monospace, monospace; margin-top: 1rem; }
dd { margin: 0; }
a { display: inline-block; padding: .25rem 0; }
</style>
</head>
<body>
<main>
<h1>pg_hello</h1>
<p>How the functions of this PostgreSQL server behave: how often they are called, how long they
take, how often they fail.</p>
<dl>
<dt><a href="metrics">/metrics</a></dt>
<dd>All counters, for Prometheus.</dd>
<dt><a href="health">/health</a></dt>
<dd>Every health check with its value, as JSON.</dd>
<dt><a href="livez">/livez</a></dt>
<dd>Whether the worker answers.</dd>
<dt><a href="readyz?verbose">/readyz</a></dt>
<dd>Whether the server can be sent work.</dd>
</dl>
</main>
</body>
</html>
)";

http::Response Answer(int status, const char* content_type, std::string body) {
  http::Response response;
  response.status = status;
  response.content_type = content_type;
  response.headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

}  // namespace

http::Response Metrics(const snapshot::Snapshot& snapshot, std::size_t* samples) {
  return Answer(200, exposition::ContentType(exposition::Format::kText), exposition::RenderText(snapshot, samples));
}

http::Response Health(const snapshot::Snapshot& snapshot) {
  const health::HealthReport report = health::MakeReport(snapshot);
  return Answer(report.status == health::Status::kFail ? 503 : 200, health::kJsonContentType,
                health::ToJson(report));
}

http::Response Livez() { return Answer(200, kPlainText, "ok\n"); }

http::Response Readyz(const snapshot::Snapshot& snapshot, bool verbose) {
  const health::HealthReport report = health::MakeReport(snapshot);
  return Answer(health::IsReady(report) ? 200 : 503, kPlainText,
                health::ReadyText(report, verbose));
}

http::Response Index() {
  http::Response response = Answer(200, kHtml, kPage);
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'");
  return response;
}

void Register(http::Router& router, SnapshotSource source, ScrapeObserver observer) {
  router.Handle("/metrics", [source, observer = std::move(observer)](const http::Request&) {
    std::size_t samples = 0;
    http::Response response = Metrics(source(), &samples);
    observer(samples);
    return response;
  });
  router.Handle("/health", [source](const http::Request&) { return Health(source()); });
  router.Handle("/livez", [](const http::Request&) { return Livez(); });
  router.Handle("/readyz", [source = std::move(source)](const http::Request& request) {
    return Readyz(source(), http::HasParam(request.params, "verbose"));
  });
  router.Handle("/", [](const http::Request&) { return Index(); });
}

}  // namespace pg_hello::endpoints
