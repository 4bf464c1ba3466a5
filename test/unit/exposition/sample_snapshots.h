// Snapshots made by hand, shared by the tests of the rooms that read snapshots.
#ifndef PG_HELLO_TEST_UNIT_EXPOSITION_SAMPLE_SNAPSHOTS_H
#define PG_HELLO_TEST_UNIT_EXPOSITION_SAMPLE_SNAPSHOTS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::testing {

// 2026-11-23T06:13:20.5Z
inline constexpr std::int64_t kNowUs = 1'795'414'400'500'000;

template <std::size_t kSize>
void SetText(char (&to)[kSize], std::string_view text) {
  const std::size_t length = text.size() < kSize ? text.size() : kSize - 1;
  text.copy(to, length);
  to[length] = '\0';
}

inline snapshot::FunctionStats MakeFunction(std::uint32_t funcid, std::string_view schema,
                                            std::string_view function) {
  snapshot::FunctionStats stats{};
  stats.key.dbid = 5;
  stats.key.funcid = funcid;
  SetText(stats.identity.schema, schema);
  SetText(stats.identity.function, function);
  SetText(stats.identity.language, "plpgsql");
  stats.identity.kind = 'f';
  stats.stats_since_us = kNowUs - 3'600'000'000;
  return stats;
}

inline void AddCall(snapshot::FunctionStats& stats, std::uint64_t ns) {
  ++stats.calls;
  ++stats.buckets[measure::BucketFor(ns)];
  stats.duration_ns += ns;
  stats.inclusive_ns += ns;
  stats.self_ns += ns;
}

// A healthy server with one database, "app", and no function yet.
inline snapshot::Snapshot MakeSnapshot() {
  snapshot::Snapshot snapshot{};
  snapshot.taken_at_us = kNowUs;
  snapshot.stats_reset_us = kNowUs - 7'200'000'000;
  snapshot.functions_limit = 5000;
  snapshot.shared_memory_bytes = 12'345'678;
  snapshot.clock_source = "tsc";
  snapshot.databases.push_back({5, "app", 0, "1.0"});
  snapshot.worker.pid = 4711;
  snapshot.worker.starts = 1;
  snapshot.worker.started_at_us = kNowUs - 7'200'000'000;
  snapshot.worker.heartbeat_at_us = kNowUs - 250'000;
  snapshot.worker.port = 9797;
  snapshot.worker.listening = true;
  snapshot.worker.listen_addresses = "127.0.0.1:9797";
  snapshot.server.library_version = "1.0";
  snapshot.server.postgres_version = "15.20 (Debian 15.20-1)";
  snapshot.server.postmaster_status = "ready";
  return snapshot;
}

// Without an event.
inline shared::SloRecord MakeSlo(std::string_view name, std::uint64_t objective_ppb,
                                 std::uint64_t threshold_ns) {
  shared::SloRecord slo{};
  SetText(slo.name, name);
  SetText(slo.functions, "*.*");
  slo.objective_ppb = objective_ppb;
  slo.threshold_ns = threshold_ns;
  slo.since_us = kNowUs - 7'200'000'000;
  return slo;
}

// All of its probes have passed.
inline snapshot::ProbedDatabase MakeProbed(std::uint32_t dbid, std::string_view datname) {
  snapshot::ProbedDatabase probed{dbid, std::string(datname), kNowUs - 12'000'000, {}};
  for (std::size_t i = 0; i < probed.results.size(); ++i) {
    probed.results[i] = {shared::ProbeState::kPassed, (i + 1) * 1'250'000, kNowUs - 12'000'000,
                         kNowUs - 7'000'000'000, ""};
  }
  return probed;
}

// This one has failed, and those after it were not made.
inline void FailFrom(snapshot::ProbedDatabase& probed, std::size_t probe, std::string_view text) {
  for (std::size_t i = probe; i < probed.results.size(); ++i) {
    probed.results[i].state =
        i == probe ? shared::ProbeState::kFailed : shared::ProbeState::kNotRun;
    probed.results[i].last_success_us = 0;
    SetText(probed.results[i].text, text);
  }
}

// Two functions with something in every family.
inline snapshot::Snapshot TwoFunctions() {
  snapshot::Snapshot snapshot = MakeSnapshot();
  snapshot.databases.push_back({6, "caf\xC3\xA9", 17, "0.9"});
  snapshot::FunctionStats hello = MakeFunction(16'401, "public", "pg_hello(text)");
  SetText(hello.identity.language, "c");
  SetText(hello.identity.extension, "pg_hello");
  for (const std::uint64_t ns : {800U, 1'000U, 1'001U, 4'000U, 4'000U, 9'999'999U, 10'000'000U}) {
    AddCall(hello, ns);
  }
  ++hello.calls;
  ++hello.untimed;
  snapshot.functions.push_back(hello);
  snapshot::FunctionStats strange = MakeFunction(16'402, "we\"ird", "back\\slash(\"a\nb\")");
  strange.database = 1;
  strange.identity.kind = 'p';
  for (const std::uint64_t ns : {30'000'000'000U, 30'000'000'001U, 900'000'000'000U}) {
    AddCall(strange, ns);
  }
  strange.errors = 2;
  strange.canceled = 1;
  strange.error_origins = {{"22", 1}, {"57", 1}};
  strange.iterations = 12;
  strange.active = 1;
  strange.self_ns = 123'456'789;
  snapshot.functions.push_back(strange);
  snapshot.worker.scrapes = 2;
  snapshot.worker.scrape_duration_ns = 1'234'567;
  snapshot.worker.scrape_series = 98;
  snapshot.worker.http_requests = {{"/metrics", "200", 2}, {"/", "405", 1}, {"other", "404", 3}};
  snapshot.slos = {MakeSlo("checkout", 999'000'000, 10'000'000), MakeSlo("errors", 950'000'000, 0)};
  snapshot.slos[0].total = {1'000, 3};
  snapshot.slos[0].last_5_minutes = {{100, 1}, 300'000};
  snapshot.slos[0].last_hour = {{1'000, 2}, 3'600'000};
  snapshot.worker.connections_refused = 4;
  snapshot.worker.refused_at_us = kNowUs - 3'600'000'000;
  snapshot.worker.certificate_expires_at_us = kNowUs + 2'592'000'000'000;
  snapshot.probe_rounds.interval_ms = 30'000;
  snapshot.probe_rounds.enabled_us = kNowUs - 7'200'000'000;
  snapshot.probe_rounds.last_round_us = kNowUs - 12'000'000;
  snapshot.probe_rounds.not_probed[0] = 4;
  snapshot.probed_databases.push_back(MakeProbed(5, "app"));
  snapshot.probed_databases.push_back(MakeProbed(6, "caf\xC3\xA9"));
  FailFrom(snapshot.probed_databases[1], 4, "no answer within 3000 ms");
  return snapshot;
}

}  // namespace pg_hello::testing

#endif  // PG_HELLO_TEST_UNIT_EXPOSITION_SAMPLE_SNAPSHOTS_H
