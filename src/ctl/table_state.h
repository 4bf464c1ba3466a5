// What is in a database's tables, in a form that can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/session.h"

namespace pg_hello::ctl {

struct TableState {
  std::string name = {};  // with its schema, quoted
  bool sequence = false;
  bool of_extension = false;  // one of pg_hello's own
  std::int64_t rows = 0;      // of a sequence: its last value
  std::string checksum = {};  // of all rows, in any order; empty: only the rows were counted
};

using TableStates = std::vector<TableState>;

// A query for one row: `rows` and `checksum` of the table as it is, with kStateSettings.
std::string StateQuestion(const TableState& table);

// A query that sets what the texts of rows depend on, and that hidden rows are an error.
extern const char kStateSettings[];

enum class Tables { kAll, kOfExtension };

// Counts the rows of tables that a dump carries, with checksums of pg_hello's own, in the session's
// transaction. Throws a Failure, also if row-level security would hide rows.
TableStates ReadTableStates(Session& session, Tables which);

// What is missing or different in `actual`, one line each. A sequence may have gone on: it is no
// part of a snapshot. `checksums`: compare these too, which differ between the extension's
// versions.
std::vector<std::string> Differences(const TableStates& expected, const TableStates& actual,
                                     bool checksums);

}  // namespace pg_hello::ctl
