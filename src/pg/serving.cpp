// The worker's objects: router, reactor, and what ties them to shared memory. Made once and never
// destroyed by a static destructor; the process' exit may run while they are in use.
#include "pg/serving.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pg/pg.h"
#include "pg/server_state.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"
#include "pg_hello/endpoints/endpoints.h"
#include "pg_hello/health/health_report.h"
#include "pg_hello/health/status_history.h"
#include "pg_hello/http/reactor.h"
#include "pg_hello/measure/utf8.h"

namespace pg_hello::pg {

namespace {

constexpr char kTriedAgain[] = "It will be tried again. Is another server using the port?";
constexpr char kNotTriedAgain[] = "Correct it and reload the configuration.";
constexpr char kProtect[] =
    "Set \"pg_hello.auth_token_file\" and \"pg_hello.ssl\", or listen on local addresses only.";

struct News {
  std::string message;
  const char* hint = nullptr;  // null if all is well
  bool warning = false;
};

struct Serving {
  health::StatusHistory health;
  std::unique_ptr<http::Reactor> reactor;
  std::vector<http::ListenerState> told;  // what shared memory and the log show
  std::vector<News> news;                 // what the log has yet to be told
  News telling{};
  std::string tls_fault;    // why the certificate in use is not that in the files, for the log
  std::string token_fault;  // the same of the token
  std::string shut;         // why nobody's token is the right one; empty if somebody's may be
  std::string shut_told;    // what shared memory shows of it
  std::string exposed;      // addresses that everybody can read from, as the log knows them
};

Serving* serving = nullptr;

void CountResponse(const std::string& path, int status) {
  shared_stats->worker
      .http_requests[shared::HttpPathIndex(path.data(), path.size())][shared::HttpCodeIndex(status)]
      .fetch_add(1, std::memory_order_relaxed);
}

void PublishRequests() {
  shared_stats->worker.requests_in_flight.store(
      static_cast<std::uint32_t>(serving->reactor->requests_in_flight()),
      std::memory_order_relaxed);
}

health::HealthReport ObserveHealth() {
  health::HealthReport report = health::MakeReport(TakeSummary(ReadServerFacts()));
  serving->health.Observe(report);
  return report;
}

std::unique_ptr<http::Router> MakeRouter() {
  // A scrape's duration runs from the taking of the snapshot to the rendered body.
  auto began = std::make_shared<std::uint64_t>(0);
  auto router = std::make_unique<http::Router>();
  endpoints::Register(*router,
                      {.everything =
                           [began](snapshot::Snapshot& snapshot, snapshot::Detail detail) {
                             *began = measure::MonotonicNs();
                             PublishRequests();
                             TakeSnapshotInto(snapshot, ReadServerFacts(), detail);
                           },
                       .unshared = [] { return TakeSnapshot(ReadServerFacts()); },
                       .health = ObserveHealth,
                       .budget = MetricsBudget},
                      [began](std::size_t samples) {
                        shared::WorkerStatus& worker = shared_stats->worker;
                        worker.scrapes.fetch_add(1, std::memory_order_relaxed);
                        worker.scrape_duration_ns.store(measure::MonotonicNs() - *began,
                                                        std::memory_order_relaxed);
                        worker.scrape_series.store(samples, std::memory_order_relaxed);
                      });
  return router;
}

template <std::size_t kSize>
void CopyText(char (&target)[kSize], const std::string& source) {
  const std::string valid = measure::ToValidUtf8(source, nullptr);  // paths are any bytes
  const std::size_t length = measure::Utf8CutLength(valid, kSize - 1);
  std::memcpy(target, valid.data(), length);
  target[length] = '\0';
}

// What pg_hello_info() shows of the listeners, and of what keeps all from being let in.
void PublishListeners(const std::vector<http::ListenerState>& listeners, const std::string& shut) {
  shared::WorkerStatus& worker = shared_stats->worker;
  std::string addresses;
  std::string errors = shut;
  for (const http::ListenerState& listener : listeners) {
    std::string& text = listener.error.empty() ? addresses : errors;
    text += (text.empty() ? "" : ", ") + (listener.error.empty() ? listener.bound : listener.error);
  }
  const auto bound = std::find_if(listeners.begin(), listeners.end(),
                                  [](const auto& listener) { return listener.port != 0; });
  shared::ListenText published{};
  CopyText(published.addresses, addresses);
  CopyText(published.error, errors);
  worker.listen_text.Publish(published);
  worker.port.store(bound != listeners.end() ? bound->port : 0, std::memory_order_relaxed);
  worker.listening.store(errors.empty() ? 1 : 0, std::memory_order_relaxed);
}

bool SameState(const http::ListenerState& a, const http::ListenerState& b) {
  return a.wanted == b.wanted && a.bound == b.bound && a.error == b.error;
}

// What the log is to be told of a change from `before` to `after`.
void Announce(const std::vector<http::ListenerState>& before,
              const std::vector<http::ListenerState>& after, std::vector<News>& changes) {
  for (const http::ListenerState& old : before) {
    const bool still = std::any_of(after.begin(), after.end(),
                                   [&old](const auto& now) { return now.bound == old.bound; });
    if (!old.bound.empty() && !still) {
      changes.push_back({"no longer serving metrics on " + old.bound, nullptr});
    }
  }
  for (const http::ListenerState& now : after) {
    const bool known = std::any_of(before.begin(), before.end(),
                                   [&now](const auto& old) { return SameState(old, now); });
    if (!known && now.error.empty()) {
      const std::string scheme = now.wanted.tls ? "https://" : "http://";
      changes.push_back(
          {"serving metrics on " +
               (now.wanted.unix_path.empty() ? scheme + now.bound + "/metrics" : now.bound),
           nullptr});
    } else if (!known) {
      changes.push_back({now.error, now.retried ? kTriedAgain : kNotTriedAgain});
    }
  }
}

// Takes over what has become of the listeners, if anything has.
void FollowListeners() {
  std::vector<http::ListenerState> now = serving->reactor->listeners();
  if (serving->shut == serving->shut_told && now.size() == serving->told.size() &&
      std::equal(now.begin(), now.end(), serving->told.begin(), SameState)) {
    return;
  }
  PublishListeners(now, serving->shut);
  Announce(serving->told, now, serving->news);
  serving->told = std::move(now);
  serving->shut_told = serving->shut;
}

// Tells why what is in use is not what is in the files, once for each reason.
void TellFault(const std::string& fault, const char* what, std::string& told) {
  if (fault == told) return;
  if (fault.empty()) {
    serving->news.push_back({"using the " + std::string(what) + " that is in the files now"});
  } else {
    serving->news.push_back(
        {"still using the previous " + std::string(what) + ": " + fault, kNotTriedAgain});
  }
  told = fault;
}

// Reads the certificate anew. What keeps it from being used at all is told with the listeners; what
// keeps an old one in use is told here, once.
void LoadTls() {
  if (!TlsWanted()) {
    serving->tls_fault.clear();
    return;
  }
  std::string fault = serving->reactor->LoadTls(TlsFiles());
  if (!serving->reactor->has_tls()) fault.clear();
  TellFault(fault, "certificate", serving->tls_fault);
}

// Reads the token anew. Without one that could be used before, health checks are all that is
// answered.
void SetAccess() {
  const http::AccessRules rules = AccessRules();
  std::string fault = serving->reactor->SetAccess(rules);
  std::string shut;
  if (!rules.token_file.empty() && !serving->reactor->has_token()) {
    shut = "nobody is served metrics: " + fault;
    fault.clear();
  }
  if (rules.token_file.empty() || !shut.empty()) {
    serving->token_fault.clear();
  } else {
    TellFault(fault, "token", serving->token_fault);
  }
  if (shut != serving->shut && !shut.empty()) serving->news.push_back({shut, kNotTriedAgain});
  serving->shut = std::move(shut);
}

// Warns of addresses that others than this machine's users can reach and need nothing for.
void WarnOfExposure(const std::vector<http::ListenAddress>& addresses) {
  std::string exposed;
  for (const http::ListenAddress& address : addresses) {
    if (http::IsLocal(address) || address.tls || *settings.auth_token_file != '\0') continue;
    exposed += (exposed.empty() ? "" : ", ") + address.host;
  }
  if (!exposed.empty() && exposed != serving->exposed) {
    serving->news.push_back(
        {"everybody who can reach " + exposed + " can read the metrics", kProtect, true});
  }
  serving->exposed = std::move(exposed);
}

// Runs `work`; lack of memory leaves things as they are until the next turn.
template <typename Work>
void Unharmed(Work work) noexcept {
  try {
    work();
  } catch (...) {
  }
}

}  // namespace

bool StartServing(std::int64_t now_ms) noexcept {
  try {
    auto made = std::make_unique<Serving>();
    made->reactor = std::make_unique<http::Reactor>(MakeRouter(), http::Limits{}, CountResponse);
    serving = made.release();
  } catch (...) {
    return false;
  }
  Listen(now_ms);
  return true;
}

void Listen(std::int64_t now_ms) noexcept {
  Unharmed([] { LoadTls(); });
  // Without its rules, no new address is opened.
  Unharmed([now_ms] {
    SetAccess();
    const std::vector<http::ListenAddress> addresses = ListenAddresses();
    serving->reactor->Listen(addresses, now_ms);
    WarnOfExposure(addresses);
  });
  shared_stats->worker.certificate_expires_at_us.store(
      serving->reactor->certificates_expire_at_s() * 1'000'000, std::memory_order_relaxed);
}

void Serve(std::int64_t now_ms) noexcept {
  const std::uint64_t began_ns = measure::MonotonicNs();
  serving->reactor->Poll(now_ms);
  Unharmed([] {
    shared::WorkerStatus& worker = shared_stats->worker;
    worker.connections.store(static_cast<std::uint32_t>(serving->reactor->connections()),
                             std::memory_order_relaxed);
    worker.bind_failures.store(serving->reactor->bind_failures(), std::memory_order_relaxed);
    const std::uint64_t refused = serving->reactor->connections_refused();
    if (worker.connections_refused.exchange(refused, std::memory_order_relaxed) < refused) {
      worker.refused_at_us.store(UnixTimeUs(), std::memory_order_relaxed);
    }
    PublishRequests();
    FollowListeners();
  });
  std::atomic<std::uint64_t>& longest = shared_stats->worker.longest_turn_ns;
  longest.store(
      std::max(longest.load(std::memory_order_relaxed), measure::MonotonicNs() - began_ns),
      std::memory_order_relaxed);
}

void WatchHealth() noexcept {
  Unharmed([] { ObserveHealth(); });
}

void StopServing() noexcept {
  delete serving;
  serving = nullptr;
}

int ServingDescriptor() noexcept { return serving->reactor->epoll_fd(); }

std::int64_t ServingTimeoutMs(std::int64_t now_ms, std::int64_t at_most_ms) noexcept {
  return serving->reactor->TimeoutMs(now_ms, at_most_ms);
}

bool NextServingNews(ServingNews* news) noexcept {
  if (serving->news.empty()) {
    return false;
  }
  serving->telling = std::move(serving->news.front());
  serving->news.erase(serving->news.begin());
  const News& telling = serving->telling;
  *news = {telling.message.c_str(), telling.hint, telling.warning};
  return true;
}

}  // namespace pg_hello::pg
