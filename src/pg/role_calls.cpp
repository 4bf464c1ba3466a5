// Off the hot path: while roles are counted, calls take the long way through PendingStats, and it
// is there that this listens.
#include "pg/role_calls.h"

#include <cstddef>

#include "pg/backend_stats.h"
#include "pg/pg.h"
#include "pg/shared_memory.h"

namespace pg_hello::pg {

namespace {

// Where this backend's last calls were counted.
struct Known {
  shared::RoleFunction key;
  shared::RoleCallsPlace* place;  // null: there was none
  std::uint32_t vacancies;        // Vacancies() then: there may be one by now
};
constexpr std::size_t kKnown = 256;
Known known_places[kKnown];

// Raised by whatever makes room.
std::uint32_t Vacancies() {
  return shared_stats->vacancies() +
         shared_stats->role_calls.resets.load(std::memory_order_relaxed);
}

bool IsKnown(const Known& known, const shared::RoleFunction& key) {
  if (!(known.key == key)) {
    return false;
  }
  return known.place != nullptr ? known.place->IsOf(key) : known.vacancies == Vacancies();
}

// The role is the one that SET ROLE has chosen: it is the same inside SECURITY DEFINER functions
// and when they are left, by an error or not. Called at the end of calls, also while a transaction
// is being aborted: raises nothing.
void CountForRole(pending::FunctionRef& ref) {
  const shared::RoleFunction key{GetOuterUserId(), shared_stats->RowNumber(*ref.row),
                                 ref.row->first_epoch.load(std::memory_order_relaxed)};
  Known& known = known_places[(key.role * 31 + key.row) % kKnown];
  if (!IsKnown(known, key)) {
    known.key = key;
    known.vacancies = Vacancies();
    const TableLock lock(LW_EXCLUSIVE);
    known.place = shared_stats->CountRoleCall(key);
  } else if (known.place != nullptr) {
    known.place->calls.fetch_add(1, std::memory_order_relaxed);
  } else {
    shared_stats->role_calls.overflow.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

void CountRoles(bool wanted) { pending_stats.Observe(wanted ? CountForRole : nullptr); }

}  // namespace pg_hello::pg
