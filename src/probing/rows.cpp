// Kept apart from the schedule: what is known of a database has nothing to do with when it is
// asked.
#include "pg_hello/probing/rows.h"

#include <array>
#include <cstring>

namespace pg_hello::probing {

namespace {

using shared::kProbeKinds;
using shared::ProbedDatabase;
using shared::ProbeResult;
using shared::ProbeState;

// The worker, which asks, is the only one that publishes: a row is always whole here.
ProbedDatabase RowAt(const shared::ProbeBoard& board, std::uint32_t number) {
  ProbedDatabase row{};
  board.rows[number].ReadInto(row);
  return row;
}

// The row of this database, or of none if it is 0; kMaxProbedDatabases if there is none.
std::uint32_t Find(const shared::ProbeBoard& board, std::uint32_t dbid) {
  const std::uint32_t end = board.rows_end.load(std::memory_order_relaxed);
  for (std::uint32_t number = 0; number < end; ++number) {
    if (RowAt(board, number).dbid == dbid) {
      return number;
    }
  }
  return dbid == 0 ? end : shared::kMaxProbedDatabases;
}

void Set(ProbeResult& result, ProbeState state, const char* text, std::int64_t now_us) {
  if (result.since_us == 0 || result.state != state) {
    result.since_us = now_us;
  }
  result.state = state;
  std::memset(result.text, 0, sizeof(result.text));
  std::strncpy(result.text, text, sizeof(result.text) - 1);
}

void Take(ProbeResult& result, const shared::ProbeOutcome& outcome, std::int64_t now_us) {
  Set(result, outcome.state, outcome.text, now_us);
  result.duration_ns = outcome.duration_ns;
  if (outcome.state == ProbeState::kPassed) {
    result.last_success_us = now_us;
  }
}

std::array<bool, kProbeKinds> Failing(const ProbedDatabase& row) {
  std::array<bool, kProbeKinds> failing{};
  for (std::size_t i = 0; i < kProbeKinds; ++i) {
    failing[i] = row.results[i].state == ProbeState::kFailed;
  }
  return failing;
}

// One line, whatever is in the name.
std::string Quoted(const char* name) {
  std::string quoted = "\"";
  for (const char* at = name; *at != '\0'; ++at) {
    quoted += *at == '\n' ? ' ' : *at;
  }
  return quoted + "\"";
}

Announcement Describe(const ProbedDatabase& row) {
  std::string faults;
  for (std::size_t i = 0; i < kProbeKinds; ++i) {
    const ProbeResult& result = row.results[i];
    if (result.state == ProbeState::kFailed) {
      faults += (faults.empty() ? "" : ", ") + std::string(shared::kProbeNames[i]) + " (" +
                result.text + ")";
    }
  }
  if (faults.empty()) {
    return {"the probes of database " + Quoted(row.name.datname) + " pass again", false};
  }
  return {"probes of database " + Quoted(row.name.datname) + " fail: " + faults, true};
}

}  // namespace

bool HasRow(const shared::ProbeBoard& board, std::uint32_t dbid) {
  return Find(board, dbid) < shared::kMaxProbedDatabases;
}

bool PutReport(shared::ProbeBoard& board, const shared::ProbeTarget& target,
               const shared::VisitReport& report, std::int64_t now_us,
               std::optional<Announcement>* announcement) {
  std::uint32_t number = Find(board, target.dbid);
  const bool is_new = number == shared::kMaxProbedDatabases;
  if (is_new) {
    number = Find(board, 0);
    if (number == shared::kMaxProbedDatabases) {
      return false;
    }
  }
  ProbedDatabase row = is_new ? ProbedDatabase{} : RowAt(board, number);
  const std::array<bool, kProbeKinds> failed_before = Failing(row);
  row.dbid = target.dbid;
  row.visited_us = now_us;
  if (report.name.datname[0] != '\0') {
    row.name = report.name;
  } else if (is_new) {
    row.name = target.name;
  }
  for (std::size_t i = 0; i < kProbeKinds; ++i) {
    Take(row.results[i], report.outcomes[i], now_us);
  }
  if (Failing(row) != failed_before) {
    *announcement = Describe(row);
  }
  board.rows[number].Publish(row);
  if (number == board.rows_end.load(std::memory_order_relaxed)) {
    board.rows_end.store(number + 1, std::memory_order_release);
  }
  return true;
}

void PutNotRun(shared::ProbeBoard& board, std::uint32_t dbid, const char* why,
               std::int64_t now_us) {
  const std::uint32_t number = Find(board, dbid);
  if (number == shared::kMaxProbedDatabases) {
    return;
  }
  ProbedDatabase row = RowAt(board, number);
  for (ProbeResult& result : row.results) {
    Set(result, ProbeState::kNotRun, why, now_us);
    result.duration_ns = 0;
  }
  board.rows[number].Publish(row);
}

void RemoveRow(shared::ProbeBoard& board, std::uint32_t dbid) {
  const std::uint32_t number = Find(board, dbid);
  if (number < shared::kMaxProbedDatabases) {
    board.rows[number].Publish(ProbedDatabase{});
  }
}

void KeepRows(shared::ProbeBoard& board, const std::unordered_set<std::uint32_t>& dbids) {
  const std::uint32_t end = board.rows_end.load(std::memory_order_relaxed);
  for (std::uint32_t number = 0; number < end; ++number) {
    const std::uint32_t dbid = RowAt(board, number).dbid;
    if (dbid != 0 && !dbids.contains(dbid)) {
      board.rows[number].Publish(ProbedDatabase{});
    }
  }
}

}  // namespace pg_hello::probing
