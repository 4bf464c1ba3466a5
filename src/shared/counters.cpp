// The slow half of the counters: what is done on an error, on a merge or on a reset. The half that
// runs at every call is inline in the header.
#include "pg_hello/shared/counters.h"

namespace pg_hello::shared {

namespace internal {

void AddShared(std::atomic<double>& counter, double value) {
  double seen = counter.load(std::memory_order_relaxed);
  while (!counter.compare_exchange_weak(seen, seen + value, std::memory_order_relaxed)) {
  }
}

void RaiseTo(std::atomic<std::uint64_t>& maximum, std::uint64_t value) {
  std::uint64_t seen = maximum.load(std::memory_order_relaxed);
  while (seen < value && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace internal

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void AddIfAny(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  if (value != 0) {
    counter.fetch_add(value, kRelaxed);
  }
}

template <typename... Counters>
void Zero(Counters&... counters) {
  (counters.store(0, kRelaxed), ...);
}

}  // namespace

void PendingCounters::Clear() {
  Zero(inclusive_ns, nested_ns, self_ns, encoded_min_ns, max_ns, sum_squares_ns2);
  for (auto& bucket : buckets) {
    bucket.store(0, kRelaxed);
  }
}

void ErrorOriginCounters::Add(std::uint32_t sqlstate_class) {
  for (Place& place : places) {
    std::uint32_t seen = place.sqlstate_class.load(kRelaxed);
    if (seen == 0 && place.sqlstate_class.compare_exchange_strong(seen, sqlstate_class, kRelaxed)) {
      seen = sqlstate_class;
    }
    if (seen == sqlstate_class) {
      place.count.fetch_add(1, kRelaxed);
      return;
    }
  }
  other.fetch_add(1, kRelaxed);
}

void ErrorOriginCounters::Clear() {
  // Places keep their class: a concurrent Add may have found it already.
  for (Place& place : places) {
    place.count.store(0, kRelaxed);
  }
  other.store(0, kRelaxed);
}

void ErrorOriginCounters::Vacate() {
  for (Place& place : places) {
    place.sqlstate_class.store(0, kRelaxed);
  }
  Clear();
}

void RowCounters::Record(const CallSample& sample) {
  buckets[measure::BucketFor(sample.elapsed_ns)].fetch_add(1, kRelaxed);
  (sample.outermost ? inclusive_ns : nested_ns).fetch_add(sample.elapsed_ns, kRelaxed);
  self_ns.fetch_add(sample.self_ns, kRelaxed);
  const auto elapsed = static_cast<double>(sample.elapsed_ns);
  internal::AddShared(sum_squares_ns2, elapsed * elapsed);
  internal::RaiseTo(max_ns, sample.elapsed_ns);
  internal::RaiseTo(encoded_min_ns, EncodeMin(sample.elapsed_ns));
}

void RowCounters::Merge(const PendingCounters& pending) {
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    AddIfAny(buckets[i], pending.buckets[i].load(kRelaxed));
  }
  AddIfAny(inclusive_ns, pending.inclusive_ns.load(kRelaxed));
  AddIfAny(nested_ns, pending.nested_ns.load(kRelaxed));
  AddIfAny(self_ns, pending.self_ns.load(kRelaxed));
  internal::AddShared(sum_squares_ns2, pending.sum_squares_ns2.load(kRelaxed));
  internal::RaiseTo(max_ns, pending.max_ns.load(kRelaxed));
  internal::RaiseTo(encoded_min_ns, pending.encoded_min_ns.load(kRelaxed));
}

void RowCounters::Clear() {
  Zero(inclusive_ns, nested_ns, self_ns, encoded_min_ns, max_ns, sum_squares_ns2);
  Zero(errors, canceled, untimed, iterations);
  for (auto& bucket : buckets) {
    bucket.store(0, kRelaxed);
  }
  error_origins.Clear();
}

}  // namespace pg_hello::shared
