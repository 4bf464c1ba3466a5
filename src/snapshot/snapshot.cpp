// What follows from the numbers of a snapshot; how they are read is in take.cpp.
#include "pg_hello/snapshot/snapshot.h"

#include <algorithm>
#include <cmath>

namespace pg_hello::snapshot {

std::span<std::uint64_t> Buckets::Widen(std::size_t first, std::size_t end) {
  if (counts_.empty()) {
    first_ = first;
  }
  if (first < first_) {
    counts_.insert(counts_.begin(), first_ - first, 0);
    first_ = first;
  }
  if (end > this->end()) {
    counts_.resize(end - first_);
  }
  return std::span(counts_).subspan(first - first_, end - first);
}

bool operator==(const Buckets& a, const Buckets& b) {
  for (std::size_t i = 0; i < Buckets::size(); ++i) {
    if (a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

std::uint64_t Snapshot::OverflowCalls() const {
  std::uint64_t calls = 0;
  for (const DatabaseStats& database : databases) {
    calls += database.overflow_calls;
  }
  return calls;
}

std::int64_t Snapshot::OldestActiveCallUs() const {
  std::int64_t oldest = 0;
  for (const ActiveCall& call : active_calls) {
    oldest = oldest == 0 ? call.started_at_us : std::min(oldest, call.started_at_us);
  }
  return oldest;
}

double Percentile(const FunctionStats& stats, double q) {
  const std::uint64_t timed = stats.TimedCalls();
  if (timed == 0) {
    return -1;
  }
  const auto least = static_cast<double>(stats.min_ns);
  const auto greatest = static_cast<double>(stats.max_ns);
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(timed);
  double below = 0;
  for (std::size_t i = stats.buckets.first(); i < stats.buckets.end(); ++i) {
    const auto count = static_cast<double>(stats.buckets[i]);
    if (count > 0 && below + count >= rank) {
      const double low = i > 0 ? static_cast<double>(measure::kUpperBoundsNs[i - 1]) : 0;
      const double high =
          i < measure::kBoundCount ? static_cast<double>(measure::kUpperBoundsNs[i]) : greatest;
      const double value = low + (high - low) * ((rank - below) / count);
      return std::clamp(value, least, std::max(least, greatest));
    }
    below += count;
  }
  return greatest;
}

double MeanNs(const FunctionStats& stats) {
  const std::uint64_t timed = stats.TimedCalls();
  return timed == 0 ? 0 : static_cast<double>(stats.duration_ns) / static_cast<double>(timed);
}

double StddevNs(const FunctionStats& stats) {
  const std::uint64_t timed = stats.TimedCalls();
  if (timed == 0) {
    return 0;
  }
  const double mean = MeanNs(stats);
  return std::sqrt(std::max(0.0, stats.sum_squares_ns2 / static_cast<double>(timed) - mean * mean));
}

}  // namespace pg_hello::snapshot
