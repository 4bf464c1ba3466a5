// A copy of the whole cluster, by pg_basebackup.
#pragma once

#include <filesystem>

#include "ctl/workplace.h"

namespace pg_hello::ctl {

// Into `backup`/base, with the WAL that makes it consistent, and checked by pg_verifybackup against
// the checksums that the server has sent. Throws a Failure.
void CopyCluster(const Workplace& at, const std::filesystem::path& backup);

}  // namespace pg_hello::ctl
