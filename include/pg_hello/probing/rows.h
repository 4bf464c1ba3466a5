// The rows of probed databases, and what the log is told when a probe begins to fail, fails for
// another reason of its kind, or passes again. Only the worker writes them.
#ifndef PG_HELLO_PROBING_ROWS_H
#define PG_HELLO_PROBING_ROWS_H

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "pg_hello/shared/probe_board.h"

namespace pg_hello::probing {

// A line for the log.
struct Announcement {
  std::string message;
  bool is_fault;
  const char* hint = nullptr;  // a literal, or null
};

// Whether the database has a row.
bool HasRow(const shared::ProbeBoard& board, std::uint32_t dbid);

// Makes the report the database's row. False if there is no place for another one. If the probes
// that fail are others than before, `announcement` says so. `target.name` serves if the report has
// none. May throw std::bad_alloc, before anything has changed.
bool PutReport(shared::ProbeBoard& board, const shared::ProbeTarget& target,
               const shared::VisitReport& report, std::int64_t now_us,
               std::optional<Announcement>* announcement);

// The probes of a database that has a row were not made, and nothing is known of it any more.
void PutNotRun(shared::ProbeBoard& board, std::uint32_t dbid, const char* why, std::int64_t now_us);

void RemoveRow(shared::ProbeBoard& board, std::uint32_t dbid);
// Removes the rows of all others.
void KeepRows(shared::ProbeBoard& board, const std::unordered_set<std::uint32_t>& dbids);

}  // namespace pg_hello::probing

#endif  // PG_HELLO_PROBING_ROWS_H
