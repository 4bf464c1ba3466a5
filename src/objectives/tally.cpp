#include "pg_hello/objectives/tally.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "pg_hello/measure/latency_buckets.h"
#include "pg_hello/selection/admission.h"

namespace pg_hello::objectives {
namespace {

using snapshot::FunctionStats;
using snapshot::Snapshot;

constexpr std::int64_t kFiveMinutesMs = 300'000;
constexpr std::int64_t kHourMs = 3'600'000;

template <std::size_t kSize>
void SetText(char (&target)[kSize], std::string_view source) {
  target[source.copy(target, kSize - 1)] = '\0';
}

// Not 0.
std::size_t HashOf(const selection::FunctionName& name) {
  std::size_t hash = 1;
  for (const std::string_view part : {name.datname, name.schema, name.function}) {
    hash = hash * 31 + std::hash<std::string_view>()(part);
  }
  return hash | 1;
}

std::uint64_t SlowerThan(const FunctionStats& function, std::uint64_t threshold_ns) {
  if (threshold_ns == 0) {
    return 0;
  }
  std::uint64_t slow = 0;
  const std::size_t first = measure::BucketWithUpperBound(threshold_ns) + 1;
  for (std::size_t i = std::max(first, function.buckets.first()); i < function.buckets.end(); ++i) {
    slow += function.buckets[i];
  }
  return slow;
}

std::uint64_t GrowthOf(std::uint64_t now, std::uint64_t before) {
  return now > before ? now - before : 0;
}

shared::SloRecord NewRecord(const Slo& slo, std::int64_t now_us) {
  shared::SloRecord record{};
  SetText(record.name, slo.name);
  SetText(record.functions, slo.functions);
  record.threshold_ns = slo.threshold_ns;
  record.since_us = now_us;
  return record;
}

bool Counts(const shared::SloRecord& record, const Slo& slo) {
  return record.name == slo.name && record.functions == slo.functions &&
         record.threshold_ns == slo.threshold_ns;
}

// Where in the board the objective was counted so far.
std::optional<std::uint32_t> Find(const shared::SloBoard& board, const Slo& slo) {
  for (std::uint32_t i = 0; i < board.count; ++i) {
    if (Counts(board.slos[i], slo)) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace

std::size_t Tally::KeyHash::operator()(const shared::FunctionKey& key) const {
  const std::uint64_t numbers = (std::uint64_t{key.dbid} << 32) | (key.funcid ^ key.temp_hash);
  return static_cast<std::size_t>(numbers * 0x9e3779b97f4a7c15ULL >> 16);
}

Tally::Tally(shared::SloState& state)
    : state_(state), board_(state.board.Read().value_or(shared::SloBoard{})) {}

void Tally::SetSlos(std::vector<Slo> slos, std::int64_t now_us) {
  slos.resize(std::min(slos.size(), shared::kMaxSlos));
  const auto rings = std::make_unique<decltype(state_.rings)>(state_.rings);
  std::array<std::optional<std::uint32_t>, shared::kMaxSlos> now_at{};  // by the old place
  shared::SloBoard board{};
  board.count = static_cast<std::uint32_t>(slos.size());
  for (std::uint32_t i = 0; i < board.count; ++i) {
    const std::optional<std::uint32_t> before = Find(board_, slos[i]);
    board.slos[i] = before ? board_.slos[*before] : NewRecord(slos[i], now_us);
    board.slos[i].objective_ppb = slos[i].objective_ppb;
    state_.rings[i] = before ? (*rings)[*before] : measure::EventRing{};
    if (before) {
      now_at[*before] = i;
    }
  }
  for (auto& [key, seen] : seen_) {
    std::erase_if(seen.memberships, [&](const Membership& one) { return !now_at[one.slo]; });
    for (Membership& one : seen.memberships) {
      one.slo = *now_at[one.slo];
    }
    seen.name_hash = 0;
  }
  board_ = board;
  slos_ = std::move(slos);
  state_.board.Publish(board_);
}

void Tally::Look(const Snapshot& snapshot, std::int64_t now_ms) {
  if (!took_note_) {
    seen_.clear();
  }
  ++looks_;
  for (const FunctionStats& function : snapshot.functions) {
    LookAt(snapshot, function);
  }
  took_note_ = true;
  if (seen_.size() > snapshot.functions.size()) {
    std::erase_if(seen_, [this](const auto& one) { return one.second.look != looks_; });
  }
  for (std::uint32_t i = 0; i < board_.count; ++i) {
    shared::SloRecord& record = board_.slos[i];
    state_.rings[i].Add(now_ms, record.total);
    record.last_5_minutes = state_.rings[i].Over(kFiveMinutesMs);
    record.last_hour = state_.rings[i].Over(kHourMs);
  }
  state_.board.Publish(board_);
}

void Tally::LookAt(const Snapshot& snapshot, const FunctionStats& function) {
  const std::size_t name_hash = HashOf(selection::NameOf(snapshot, function));
  const auto [place, is_new] = seen_.try_emplace(function.key);
  Seen& seen = place->second;
  seen.look = looks_;
  // Its counters began at zero after the look before.
  if (took_note_ && (is_new || seen.since_us != function.stats_since_us)) {
    Seen fresh{};
    fresh.since_us = function.stats_since_us;
    fresh.name_hash = name_hash;
    fresh.look = looks_;
    fresh.memberships = Join(snapshot, function);
    seen = std::move(fresh);
  }
  CountGrowth(function, seen);
  // What it was called before goes to the objectives that it had.
  if (seen.name_hash != name_hash) {
    seen.memberships = Join(snapshot, function);
    for (Membership& one : seen.memberships) {
      one.slow = SlowerThan(function, slos_[one.slo].threshold_ns);
    }
    seen.since_us = function.stats_since_us;
    seen.name_hash = name_hash;
  }
}

void Tally::CountGrowth(const FunctionStats& function, Seen& seen) {
  const std::uint64_t calls = GrowthOf(function.calls, seen.calls);
  // An error is counted a moment before its call is: what is too many now is for the next look.
  const std::uint64_t failed =
      std::min(GrowthOf(GrowthOf(function.errors, function.canceled), seen.failed), calls);
  seen.calls += calls;
  seen.failed += failed;
  for (Membership& one : seen.memberships) {
    const std::uint64_t slow_now = SlowerThan(function, slos_[one.slo].threshold_ns);
    measure::Events& total = board_.slos[one.slo].total;
    total.all += calls;
    total.bad += std::min(calls, failed + GrowthOf(slow_now, one.slow));
    one.slow = std::max(one.slow, slow_now);
  }
}

std::vector<Tally::Membership> Tally::Join(const Snapshot& snapshot,
                                           const FunctionStats& function) const {
  const selection::FunctionName name = selection::NameOf(snapshot, function);
  std::vector<Membership> joined;
  for (std::uint32_t i = 0; i < slos_.size(); ++i) {
    if (slos_[i].patterns.Matches(name)) {
      joined.push_back({i, 0});
    }
  }
  return joined;
}

}  // namespace pg_hello::objectives
