#include "ctl/retention.h"

#include <algorithm>

namespace pg_hello::ctl {

std::vector<std::string> Removable(std::vector<KnownBackup> backups, const Retention& retention,
                                   std::int64_t now) {
  std::vector<std::string> removable;
  if (retention.keep <= 0 && retention.keep_days <= 0) return removable;
  std::sort(backups.begin(), backups.end(), [](const KnownBackup& left, const KnownBackup& right) {
    return left.created_at > right.created_at;
  });
  const std::int64_t oldest = now - std::int64_t{retention.keep_days} * 24 * 3600;
  int good = 0;  // that are newer
  for (const KnownBackup& backup : backups) {
    const bool among_newest = good < std::max(retention.keep, 1);
    const bool young = retention.keep_days > 0 && backup.created_at >= oldest;
    if (!among_newest && !young) removable.push_back(backup.name);
    if (backup.good) ++good;
  }
  return removable;
}

}  // namespace pg_hello::ctl
