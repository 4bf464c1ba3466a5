// What an answer of /health says:
// https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06
#pragma once

#include <string>

#include "ctl/finding.h"

namespace pg_hello::ctl {

// `status` is HTTP's. A body that is no health report is kUnknown, whatever its status: then
// something else answers there.
Finding JudgeEndpoint(const std::string& url, int status, const std::string& body);

}  // namespace pg_hello::ctl
