// What functions did, as a table and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ctl/function_counters.h"

namespace pg_hello::ctl {

// At most four significant digits, "-" for nothing.
std::string ShortNumber(std::optional<double> number);

// `seconds`: the time in which they did it; 0 if it is not known.
std::string WorkTable(const std::vector<Work>& works, double seconds);
nlohmann::ordered_json WorkJson(const std::vector<Work>& works, double seconds);

}  // namespace pg_hello::ctl
