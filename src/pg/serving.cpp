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

struct ListenerChange {
  std::string message;
  const char* hint;  // null if all is well
};

struct Serving {
  health::StatusHistory health;
  std::unique_ptr<http::Reactor> reactor;
  std::vector<http::ListenerState> told;  // what shared memory and the log show
  std::vector<ListenerChange> changes;    // what the log has yet to be told
  ListenerChange telling{};
  std::string
      tls_fault;  // why the certificate in use is not that in the files, as the log knows it
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
                           [began](snapshot::Snapshot& snapshot) {
                             *began = measure::MonotonicNs();
                             PublishRequests();
                             TakeSnapshotInto(snapshot, ReadServerFacts());
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

// What pg_hello_info() shows of the listeners.
void PublishListeners(const std::vector<http::ListenerState>& listeners) {
  shared::WorkerStatus& worker = shared_stats->worker;
  std::string addresses;
  std::string errors;
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
              const std::vector<http::ListenerState>& after, std::vector<ListenerChange>& changes) {
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
      changes.push_back({"serving metrics on " + scheme + now.bound + "/metrics", nullptr});
    } else if (!known) {
      changes.push_back({now.error, now.retried ? kTriedAgain : kNotTriedAgain});
    }
  }
}

// Takes over what has become of the listeners, if anything has.
void FollowListeners() {
  std::vector<http::ListenerState> now = serving->reactor->listeners();
  if (now.size() == serving->told.size() &&
      std::equal(now.begin(), now.end(), serving->told.begin(), SameState)) {
    return;
  }
  PublishListeners(now);
  Announce(serving->told, now, serving->changes);
  serving->told = std::move(now);
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
  if (fault == serving->tls_fault) return;
  if (fault.empty()) {
    serving->changes.push_back({"using the certificate that is in the files now", nullptr});
  } else {
    serving->changes.push_back({"still using the previous certificate: " + fault, kNotTriedAgain});
  }
  serving->tls_fault = std::move(fault);
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
  Unharmed([now_ms] { serving->reactor->Listen(ListenAddresses(), now_ms); });
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

bool NextListenerChange(const char** message, const char** hint) noexcept {
  if (serving->changes.empty()) {
    return false;
  }
  serving->telling = std::move(serving->changes.front());
  serving->changes.erase(serving->changes.begin());
  *message = serving->telling.message.c_str();
  *hint = serving->telling.hint;
  return true;
}

}  // namespace pg_hello::pg
