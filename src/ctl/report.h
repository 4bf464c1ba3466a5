// Findings as people and as machines read them.
#pragma once

#include <string>
#include <string_view>

#include "ctl/finding.h"

namespace pg_hello::ctl {

// The text on one line: line breaks and other control characters, which names and the server's
// messages may have, become blanks, and runs of blanks one.
std::string OneLine(std::string_view text);

// A line for each finding. `colours`: the severity in an ANSI colour.
std::string AsText(const Findings& findings, bool colours);

// One JSON object on one line: status, and findings with check, status, message and, where there
// are any, database and hint. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string AsJson(const Findings& findings);

}  // namespace pg_hello::ctl
