// Moments, as the server's log, the command line and machines write them. Local times are those of
// the process' time zone, which tzset(3) sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pg_hello::ctl {

// Milliseconds since the Unix epoch.
using UnixMs = std::int64_t;

// "2026-11-25 02:28[:02[.123]][ UTC]", also with T, Z and offsets such as +03 or -05:30. A zone's
// abbreviation that is not UTC or GMT is taken for the local one.
std::optional<UnixMs> ParseTime(std::string_view text);

// The same, a date alone, or how long ago: "90s", "30min", "12h", "7d".
std::optional<UnixMs> ParseSince(std::string_view text, UnixMs now);

// "2026-11-25T02:28:02.123Z"
std::string Iso8601(UnixMs time);

}  // namespace pg_hello::ctl
