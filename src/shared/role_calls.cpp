// The rare half: a place gets another owner, counters start again.
#include "pg_hello/shared/role_calls.h"

namespace pg_hello::shared {

// Nobody's in between, so that a reader takes no mixture for a place. With its first call, so that
// it is in use.
void RoleCalls::Give(RoleCallsPlace& place, const RoleFunction& owner) {
  place.first_epoch.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  place.role.store(owner.role, std::memory_order_relaxed);
  place.row.store(owner.row, std::memory_order_relaxed);
  place.calls.store(1, std::memory_order_relaxed);
  place.first_epoch.store(owner.first_epoch, std::memory_order_release);
}

void RoleCalls::Reset(std::uint32_t row) {
  for (std::uint32_t i = 0; i < end(); ++i) {
    if (places_[i].row.load(std::memory_order_relaxed) == row) {
      places_[i].calls.store(0, std::memory_order_relaxed);
    }
  }
  resets.fetch_add(1, std::memory_order_relaxed);
}

void RoleCalls::ResetAll() {
  for (std::uint32_t i = 0; i < end(); ++i) {
    places_[i].calls.store(0, std::memory_order_relaxed);
  }
  overflow.store(0, std::memory_order_relaxed);
  resets.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pg_hello::shared
