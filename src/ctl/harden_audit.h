// Whether the audit log of a database can still be relied upon.
#pragma once

#include <memory>
#include <string>

#include "ctl/harden.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

// Adds to `result` the findings of the check `audit` about the database to which `session` leads,
// and the changes that mend it, which keep the session. Nothing where the extension has no audit
// log. What could not be asked is a finding.
void CheckAudit(const std::string& database, const std::shared_ptr<Session>& session,
                HardenResult& result);

}  // namespace pg_hello::ctl
