// What the tests of the core rooms share: a block of "shared" memory, a clock that goes where it is
// told, and functions by number.
#ifndef PG_HELLO_TEST_UNIT_SUPPORT_SHARED_MEMORY_H
#define PG_HELLO_TEST_UNIT_SUPPORT_SHARED_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>

#include "pg_hello/measure/tick_clock.h"
#include "pg_hello/pending/function_ref.h"
#include "pg_hello/shared/shared_stats.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::testing {

inline constexpr std::int64_t kCreatedUs = 1'700'000'000'000'000;

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
};
using AlignedMemory = std::unique_ptr<std::byte, AlignedDelete>;

// `bytes` of memory aligned to 64, full of rubbish.
inline AlignedMemory AllocateAligned(std::size_t bytes) {
  AlignedMemory memory(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64})));
  std::memset(memory.get(), 0xa5, bytes);
  return memory;
}

// A zeroed T, as it lies in shared memory that nobody has constructed anything in.
template <typename T>
class Zeroed {
 public:
  Zeroed() : memory_(AllocateAligned(sizeof(T))) { std::memset(memory_.get(), 0, sizeof(T)); }
  T& operator*() const { return *reinterpret_cast<T*>(memory_.get()); }
  T* operator->() const { return &**this; }

 private:
  AlignedMemory memory_;
};

class SharedMemory {
 public:
  explicit SharedMemory(const shared::Dimensions& dimensions = {128, 4})
      : memory_(AllocateAligned(shared::SharedStats::SizeFor(dimensions))),
        stats_(shared::SharedStats::Create(memory_.get(), dimensions, measure::TickClock{},
                                           kCreatedUs)) {}

  shared::SharedStats* get() const { return stats_; }
  shared::SharedStats* operator->() const { return stats_; }
  shared::SharedStats& operator*() const { return *stats_; }

 private:
  AlignedMemory memory_;
  shared::SharedStats* stats_;
};

// Shows `*ticks`. One tick is `ns_per_tick` nanoseconds, 32.32 fixed point.
struct FakeClock {
  const std::uint64_t* ticks = nullptr;
  std::uint64_t ns_per_tick = std::uint64_t{1} << 32;
  bool quick = true;

  std::uint64_t Now() const { return *ticks; }
  bool IsQuick() const { return quick; }
  std::uint64_t QuickNow() const { return *ticks; }
  std::uint64_t ToNs(std::uint64_t count) const {
    return measure::TickClock{measure::ClockSource::kMonotonic, ns_per_tick}.ToNs(count);
  }
};

inline constexpr std::uint32_t kDbid = 16'384;

inline shared::FunctionKey KeyOf(std::uint32_t funcid, std::uint32_t dbid = kDbid) {
  return {dbid, funcid, 0};
}

inline shared::FunctionIdentity IdentityOf(std::uint32_t funcid) {
  shared::FunctionIdentity identity{};
  std::snprintf(identity.schema, sizeof(identity.schema), "public");
  std::snprintf(identity.function, sizeof(identity.function), "f%u()", funcid);
  std::snprintf(identity.language, sizeof(identity.language), "plpgsql");
  identity.kind = 'f';
  return identity;
}

inline shared::DatabaseName NameOf(const char* datname) {
  shared::DatabaseName name{};
  std::snprintf(name.datname, sizeof(name.datname), "%s", datname);
  return name;
}

inline shared::FunctionRow& Insert(shared::SharedStats& stats, std::uint32_t funcid,
                                   std::uint32_t dbid = kDbid) {
  return *stats.FindOrInsert(KeyOf(funcid, dbid), IdentityOf(funcid), kCreatedUs);
}

// What a backend knows of a tracked function that it has just met.
inline pending::FunctionRef TrackedRef(const shared::SharedStats& stats, shared::FunctionRow& row) {
  pending::FunctionRef ref{};
  ref.funcid = row.funcid.load();
  ref.row_key = row.Key();
  ref.epoch = row.epoch.load();
  ref.verdict = pending::Verdict::kTracked;
  ref.row = &row;
  ref.row_epoch = shared::MakeRowEpoch(stats.RowNumber(row), ref.epoch);
  return ref;
}

inline shared::CallSample Sample(std::uint64_t elapsed_ns) {
  return {elapsed_ns, elapsed_ns, true};
}

inline snapshot::Snapshot TakeSnapshot(shared::SharedStats& stats) {
  return snapshot::Take(stats, kCreatedUs + 1, snapshot::ServerState{});
}

// The function's part of the snapshot, or null.
inline const snapshot::FunctionStats* FindFunction(const snapshot::Snapshot& snapshot,
                                                   std::uint32_t funcid) {
  for (const snapshot::FunctionStats& function : snapshot.functions) {
    if (function.key.funcid == funcid) {
      return &function;
    }
  }
  return nullptr;
}

template <typename Counters>
std::uint64_t CountedCalls(const Counters& counters) {
  return std::accumulate(counters.buckets.begin(), counters.buckets.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& bucket) { return sum + bucket.load(); });
}

}  // namespace pg_hello::testing

#endif  // PG_HELLO_TEST_UNIT_SUPPORT_SHARED_MEMORY_H
