// How often each role has called each function, for those sessions in which that is asked for. In
// shared memory, of fixed size, and not part of the metrics.
//
// A place belongs to a role and a function; it is taken when the role first calls the function and
// kept until it is reset or the function is dropped, and somebody else needs it. Who finds no place
// counts in `overflow`. Places are given under the table lock (shared_stats.h); counting in a place
// and reading takes no lock.
#ifndef PG_HELLO_SHARED_ROLE_CALLS_H
#define PG_HELLO_SHARED_ROLE_CALLS_H

#include <array>
#include <atomic>
#include <cstdint>

namespace pg_hello::shared {

// A role by its oid, and a function by its row and the epoch in which the row was given to it.
struct RoleFunction {
  std::uint32_t role;
  std::uint32_t row;
  std::uint32_t first_epoch;

  friend bool operator==(const RoleFunction&, const RoleFunction&) = default;
};

struct RoleCallsPlace {
  std::atomic<std::uint32_t> first_epoch;  // 0: nobody's, or about to be another's
  std::atomic<std::uint32_t> role;
  std::atomic<std::uint32_t> row;
  std::atomic<std::uint64_t> calls;

  bool IsOf(const RoleFunction& wanted) const {
    return first_epoch.load(std::memory_order_acquire) == wanted.first_epoch &&
           role.load(std::memory_order_relaxed) == wanted.role &&
           row.load(std::memory_order_relaxed) == wanted.row;
  }
};

class RoleCalls {
 public:
  static constexpr std::uint32_t kPlaces = 4096;

  const RoleCallsPlace& place(std::uint32_t number) const { return places_[number]; }
  // Places that have ever been used have numbers below this one.
  std::uint32_t end() const { return end_.load(std::memory_order_acquire); }

  // Counts one call, and returns where; null if there is no place: then it is counted as overflow.
  // REQUIRES: table lock, exclusive. `is_live(row, first_epoch)` tells whether a function is still
  // there; if it is not, its places are free.
  template <typename IsLive>
  RoleCallsPlace* Count(const RoleFunction& wanted, IsLive is_live) {
    RoleCallsPlace* vacant = nullptr;
    for (std::uint32_t i = 0; i < end(); ++i) {
      RoleCallsPlace& place = places_[i];
      if (place.IsOf(wanted)) {
        place.calls.fetch_add(1, std::memory_order_relaxed);
        return &place;
      }
      const bool used = place.calls.load(std::memory_order_relaxed) > 0 &&
                        is_live(place.row.load(std::memory_order_relaxed),
                                place.first_epoch.load(std::memory_order_relaxed));
      if (vacant == nullptr && !used) {
        vacant = &place;
      }
    }
    if (vacant == nullptr) {
      if (end() == kPlaces) {
        overflow.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
      }
      vacant = &places_[end()];
      end_.store(end() + 1, std::memory_order_release);
    }
    Give(*vacant, wanted);
    return vacant;
  }

  // REQUIRES: table lock, exclusive. The calls of one function, or all, start again at zero, and
  // their places are free.
  void Reset(std::uint32_t row);
  void ResetAll();

  std::atomic<std::uint64_t> overflow;  // calls that found no place
  std::atomic<std::uint32_t> resets;    // so that who found none knows when to try again

 private:
  static void Give(RoleCallsPlace& place, const RoleFunction& owner);

  std::atomic<std::uint32_t> end_;
  std::array<RoleCallsPlace, kPlaces> places_;
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_ROLE_CALLS_H
