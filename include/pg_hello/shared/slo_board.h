// Service level objectives with what has become of them, in shared memory: counted by the worker
// alone, read by everybody. They outlive a worker that ends, and not a server.
#ifndef PG_HELLO_SHARED_SLO_BOARD_H
#define PG_HELLO_SHARED_SLO_BOARD_H

#include <array>
#include <cstddef>
#include <cstdint>

#include "pg_hello/measure/event_ring.h"
#include "pg_hello/shared/published.h"

namespace pg_hello::shared {

inline constexpr std::size_t kMaxSlos = 32;
inline constexpr std::size_t kMaxSloNameBytes = 63;
inline constexpr std::size_t kMaxSloFunctionsBytes = 511;

struct SloRecord {
  char name[kMaxSloNameBytes + 1];            // ASCII
  char functions[kMaxSloFunctionsBytes + 1];  // patterns, as they were set. UTF-8
  std::uint64_t objective_ppb;                // share of good events, in parts per billion
  std::uint64_t threshold_ns;                 // a slower call is bad, 0: none is for that
  std::int64_t since_us;                      // counted since then, microseconds since the epoch
  measure::Events total;                      // these never go backwards
  measure::Window last_5_minutes;
  measure::Window last_hour;
};

struct SloBoard {
  std::uint32_t count;
  std::array<SloRecord, kMaxSlos> slos;  // in the order in which they were set
};

struct alignas(64) SloState {
  Published<SloBoard> board;
  std::array<measure::EventRing, kMaxSlos> rings;  // the worker's own, in the order of the board
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_SLO_BOARD_H
