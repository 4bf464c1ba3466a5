// How many events there were in the last five minutes or in the last hour, and how many of them
// were bad, from running totals that somebody looks at every few seconds.
//
// Plain data without a pointer: it may lie in shared memory and be gone on with by another process,
// as its times are those of a clock that all processes of a machine share and that nobody sets.
// Zeroed memory is an empty ring.
#ifndef PG_HELLO_MEASURE_EVENT_RING_H
#define PG_HELLO_MEASURE_EVENT_RING_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace pg_hello::measure {

struct Events {
  std::uint64_t all = 0;
  std::uint64_t bad = 0;  // of them

  friend bool operator==(const Events&, const Events&) = default;
};

// What a window has seen. Without events there is nothing to say of their share of bad ones.
struct Window {
  Events events;
  std::int64_t covered_ms = 0;  // how long it was looked at, up to the last look

  friend bool operator==(const Window&, const Window&) = default;
};

// Not thread-safe.
class EventRing {
 public:
  static constexpr std::int64_t kStepMs = 15'000;
  static constexpr std::int64_t kLongestMs = 3'600'000;

  // A look: `running` are the totals at `now_ms`, milliseconds of a monotonic clock. If either has
  // gone backwards, all that was seen before is forgotten.
  void Add(std::int64_t now_ms, const Events& running);

  // The events of about the last `length_ms` (at most kLongestMs) before the last look: from the
  // first look on that was kept and is not more than a step older. So a young ring, and one that
  // was not looked at for a while, cover less than that; what fell into such a gap is in no window
  // that begins after it.
  Window Over(std::int64_t length_ms) const;

 private:
  struct Look {
    std::int64_t at_ms;
    Events running;
  };
  static constexpr std::size_t kLooks = kLongestMs / kStepMs + 2;

  const Look& Kept(std::uint32_t age) const;  // 0: the youngest

  Look last_;
  std::uint32_t count_;  // of those that are kept, a step or more apart
  std::uint32_t next_;   // where the next one comes
  std::array<Look, kLooks> kept_;
};

}  // namespace pg_hello::measure

#endif  // PG_HELLO_MEASURE_EVENT_RING_H
