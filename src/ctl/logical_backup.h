// Dumps of single databases, and the proof that they can be restored.
#pragma once

#include <filesystem>
#include <string>

#include "ctl/manifest.h"
#include "ctl/workplace.h"

namespace pg_hello::ctl {

// Dumps a database, and pg_hello's tables in it once more by themselves, into `backup`/databases/
// under names that begin with `stem`; what is in its tables is read from the dump's own snapshot.
// Throws a Failure.
ArchivedDatabase DumpDatabase(const Workplace& at, const std::string& database,
                              const std::filesystem::path& backup, const std::string& stem);

// Restores both dumps into scratch databases and compares. Throws a Failure that says what differs.
void VerifyDumps(const Workplace& at, const std::filesystem::path& backup,
                 const ArchivedDatabase& database);

}  // namespace pg_hello::ctl
