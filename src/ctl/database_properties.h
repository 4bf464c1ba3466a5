// What belongs to a database, but is not inside it: owner, locale, defaults of settings, grants.
#pragma once

#include <string>

#include "ctl/manifest.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

// Both throw a Failure.

DatabaseProperties ReadProperties(Session& server, const std::string& database);

// Makes an empty database `name` with the locale of `properties`, from template0, so that nothing
// is in it that was not in the other one.
void CreateDatabase(Session& server, const std::string& name, const DatabaseProperties& properties);

// Owner, defaults of settings and grants. After a Failure, `server` may be in a transaction.
void ApplyProperties(Session& server, const std::string& name,
                     const DatabaseProperties& properties);

}  // namespace pg_hello::ctl
