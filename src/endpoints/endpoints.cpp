// The paths.
#include "pg_hello/endpoints/endpoints.h"

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pg_hello/api/active_calls.h"
#include "pg_hello/api/functions.h"
#include "pg_hello/exposition/format.h"
#include "pg_hello/exposition/metrics_query.h"
#include "pg_hello/exposition/renderer.h"
#include "pg_hello/http/content_coding.h"
#include "pg_hello/page/page.h"

namespace pg_hello::endpoints {
namespace {

// About half a millisecond's work, or one and a half with compression.
constexpr std::size_t kUnitsPerStep = 2'500;

constexpr std::size_t kFreshCapacity = 64;

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kHtml[] = "text/html; charset=utf-8";

http::Response Answer(int status, const char* content_type, std::string body) {
  http::Response response;
  response.status = status;
  response.content_type = content_type;
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

http::Response NoCoding() {
  http::Response refusal = Answer(406, kPlainText, "This can be had as it is or in gzip.\n");
  refusal.headers.emplace_back("Vary", kVary);
  return refusal;
}

// Equal for requests that ask for the same in the same words.
std::string KeyOf(std::string_view what, const http::Params& params) {
  std::string key(what);
  for (const auto& [name, value] : params) {
    key.append(1, '\0').append(name).append(1, '\0').append(value);
  }
  return key;
}

// A list, made in one step from the picture that all share.
template <typename ToJson>
http::Answer JoinForJson(Rounds& rounds, const http::Request& request, std::string_view what,
                         snapshot::Detail detail, const std::string& fault, ToJson to_json) {
  if (!fault.empty()) {
    return Answer(400, api::kJsonContentType, api::ErrorJson(fault));
  }
  const std::optional<http::ContentCoding> coding = http::ChooseCoding(request.accept_encoding);
  if (!coding) {
    return NoCoding();
  }
  Representation wanted;
  wanted.key = KeyOf(what, request.params);
  wanted.coding = *coding;
  wanted.content_type = api::kJsonContentType;
  wanted.detail = detail;
  wanted.render = [to_json =
                       std::move(to_json)](std::shared_ptr<const snapshot::Snapshot> snapshot) {
    return [to_json, snapshot = std::move(snapshot)](std::string& body) {
      body += to_json(*snapshot);  // its memory is kept for others
      return true;
    };
  };
  return rounds.Join(std::move(wanted));
}

// Strangers are told how it is, and no names.
health::HealthReport HealthFor(const http::Request& request, const HealthSource& health) {
  health::HealthReport report = health();
  if (!request.trusted) {
    health::HideDatabases(report);
  }
  return report;
}

}  // namespace

http::Answer Metrics(Rounds& rounds, const http::Request& request,
                     const std::shared_ptr<exposition::IdleRenderers>& idle,
                     const BudgetSource& budget, const ScrapeObserver& observer) {
  exposition::MetricsQuery query;
  for (const auto& [name, value] : request.params) {
    if (const std::string fault = query.Add(name, value); !fault.empty()) {
      return Answer(400, kPlainText, fault + "\n");
    }
  }
  const std::optional<http::ContentCoding> coding = http::ChooseCoding(request.accept_encoding);
  if (!coding) {
    return NoCoding();
  }
  const exposition::Format format = exposition::ChooseFormat(request.accept);
  Representation wanted;
  wanted.key = KeyOf(exposition::ContentType(format), request.params);
  wanted.coding = *coding;
  wanted.content_type = exposition::ContentType(format);
  wanted.detail = query.detail();
  // The length of a text that is sent as it is can be told beforehand.
  const bool reserve =
      wanted.coding == http::ContentCoding::kIdentity && format != exposition::Format::kProtobuf;
  wanted.render = [format, reserve, query, idle, budget,
                   observer](std::shared_ptr<const snapshot::Snapshot> snapshot) -> Rendering {
    exposition::Options options = exposition::MakeOptions(*snapshot, budget(), query);
    // Shared because a function has to be copyable; nobody else has it.
    const auto owner = std::make_shared<std::unique_ptr<exposition::Renderer>>(
        idle->Begin(std::move(snapshot), format, std::move(options)));
    return [owner, idle, observer, reserve](std::string& body) {
      const std::unique_ptr<exposition::Renderer>& renderer = *owner;
      const bool fresh = body.capacity() < kFreshCapacity;  // and no other one's memory
      renderer->SwapBody(body);
      if (reserve && fresh) renderer->ReserveBody();
      const bool done = renderer->Step(kUnitsPerStep);
      renderer->SwapBody(body);
      if (done) {
        observer(renderer->samples());
        idle->Keep(std::move(*owner));
      }
      return done;
    };
  };
  return rounds.Join(std::move(wanted));
}

http::Answer Functions(Rounds& rounds, const http::Request& request, const BudgetSource& budget) {
  api::ParsedListQuery parsed = api::ParseListQuery(request.params);
  return JoinForJson(rounds, request, "functions", snapshot::Detail::kEverything, parsed.fault,
                     [query = std::move(parsed.query), budget](const snapshot::Snapshot& snapshot) {
                       return api::ListJson(snapshot, budget(), query);
                     });
}

http::Answer Active(Rounds& rounds, const http::Request& request) {
  api::ParsedActiveQuery parsed = api::ParseActiveQuery(request.params);
  return JoinForJson(rounds, request, "active", snapshot::Detail::kWithoutBuckets, parsed.fault,
                     [query = std::move(parsed.query)](const snapshot::Snapshot& snapshot) {
                       return api::ActiveJson(snapshot, query);
                     });
}

http::Response Function(const snapshot::Snapshot& snapshot, const selection::Budget& budget,
                        std::string_view datname, std::string_view funcid) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(funcid.data(), funcid.data() + funcid.size(), number);
  if (error != std::errc{} || end != funcid.data() + funcid.size()) {
    return Answer(400, api::kJsonContentType, api::ErrorJson("The funcid is no oid."));
  }
  std::optional<std::string> json = api::FunctionJson(snapshot, budget, datname, number);
  return json ? Answer(200, api::kJsonContentType, *std::move(json))
              : Answer(404, api::kJsonContentType, api::ErrorJson("There is no such function."));
}

http::Response Page(std::shared_ptr<const std::string> html) {
  http::Response response;
  response.content_type = kHtml;
  response.headers.emplace_back("Content-Security-Policy", page::ContentSecurityPolicy());
  response.body = std::move(html);
  return response;
}

void Register(http::Router& router, const Sources& sources, ScrapeObserver observer) {
  const auto rounds = std::make_shared<Rounds>(sources.everything);
  router.Handle("/metrics", [rounds, idle = std::make_shared<exposition::IdleRenderers>(),
                             budget = sources.budget,
                             observer = std::move(observer)](const http::Request& request) {
    return Metrics(*rounds, request, idle, budget, observer);
  });
  router.Handle("/api/v1/functions",
                [rounds, budget = sources.budget](const http::Request& request) {
                  return Functions(*rounds, request, budget);
                });
  router.Handle("/api/v1/active",
                [rounds](const http::Request& request) { return Active(*rounds, request); });
  router.Handle(
      "/api/v1/functions/{datname}/{funcid}",
      [unshared = sources.unshared, budget = sources.budget](const http::Request& request) {
        return Function(unshared(), budget(), request.path_params.at(0), request.path_params.at(1));
      });
  router.Handle("/health", [health = sources.health](const http::Request& request) {
    return Health(HealthFor(request, health), request.params);
  });
  router.Handle("/health/{check}", [health = sources.health](const http::Request& request) {
    return HealthOf(HealthFor(request, health), request.params, request.path_params.at(0));
  });
  router.Handle("/livez", [](const http::Request& request) { return Livez(request.params); });
  router.Handle("/readyz", [health = sources.health](const http::Request& request) {
    return Readyz(health(), request.params);
  });
  router.Handle("/readyz/{check}", [health = sources.health](const http::Request& request) {
    return ReadyzOf(health(), request.params, request.path_params.at(0));
  });
  router.Handle("/", [html = std::make_shared<const std::string>(page::Html())](
                         const http::Request&) { return Page(html); });
  // Without names and numbers of functions.
  for (const char* path :
       {"/health", "/health/{check}", "/livez", "/readyz", "/readyz/{check}", "/"}) {
    router.Open(path);
  }
}

}  // namespace pg_hello::endpoints
