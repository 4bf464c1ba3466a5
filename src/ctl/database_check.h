// What `health` and `diagnose` both ask a server and each of its databases.
#pragma once

#include <string>

#include "ctl/finding.h"
#include "ctl/objectives.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

// A server that refuses us, and an object that we may not use, are kUnknown.
Severity SeverityOf(ConnectFailure failure);
Severity SeverityOf(const SqlError& error);

// Adds the finding "preload". False: nothing is counted, and the statistics functions only fail.
bool CheckPreload(Session& server, Findings& findings);

// Adds the findings about the extension in this database, which the session is connected to.
// `demanded`: it is critical if the extension is not installed, else a warning.
void CheckDatabase(Session& session, const std::string& database, bool demanded, bool preloaded,
                   const Objectives& objectives, Findings& findings);

}  // namespace pg_hello::ctl
