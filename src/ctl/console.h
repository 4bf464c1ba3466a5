// What goes to the standard output and to the standard error.
#pragma once

#include <string_view>

#include "ctl/finding.h"

namespace pg_hello::ctl {

// False: it could not be written.
bool Print(std::string_view text);

// Lines, or one JSON object; the exit code is that of the findings, or of kUnknown if they could
// not be written.
int Print(const Findings& findings, bool json);

bool OnTerminal();

// A line for people who wait; never to the standard output.
void Progress(std::string_view line);

}  // namespace pg_hello::ctl
