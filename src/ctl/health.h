// The subcommand `health`: is pg_hello there, does it answer, and are its objectives met?
#pragma once

#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/http_get.h"
#include "ctl/objectives.h"

namespace pg_hello::ctl {

struct HealthRequest {
  Target target;
  std::vector<std::string> databases;  // empty: all that allow connections, without templates
  HttpRequest endpoint;                // without a URL, it is not asked
  Objectives objectives;
};

// Asks the server. A database that was named and lacks the extension is kCritical; one that was not
// named may do without it, which is kWarning. What may not be read is kUnknown.
Findings CheckHealth(const HealthRequest& request);

}  // namespace pg_hello::ctl
