// Dumps on their way into databases, and what must be there afterwards.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ctl/manifest.h"
#include "ctl/workplace.h"

namespace pg_hello::ctl {

// All of these throw a Failure.

// Runs pg_restore on a dump of a whole database.
void RestoreInto(const Workplace& at, const std::string& database,
                 const std::filesystem::path& dump, std::vector<std::string> options);

// The functions answer, and all tables have the rows that they had.
void MustBeAsArchived(const Workplace& at, const std::string& database,
                      const ArchivedDatabase& archived);

// The extension's data alone, in one transaction that is committed only if everything is there
// then; makes the extension if the database has none. `replace`: takes away what is there, in the
// same transaction; otherwise its tables must be empty.
void RestoreExtensionData(const Workplace& at, const std::string& database,
                          const std::filesystem::path& backup, const ArchivedDatabase& archived,
                          bool replace);

}  // namespace pg_hello::ctl
