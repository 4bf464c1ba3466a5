// The subcommand `diagnose`: what is wrong, why, and how to mend it. It changes nothing.
#pragma once

#include "ctl/conninfo.h"
#include "ctl/finding.h"

namespace pg_hello::ctl {

// Looks into the database that `target` leads to, and into its server.
Findings Diagnose(const Target& target);

}  // namespace pg_hello::ctl
