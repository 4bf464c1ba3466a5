// The settings that make pg_hello what it is on a server, as a file.
#pragma once

#include <optional>
#include <string>

#include "ctl/maintain.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

// pg_hello's own, what is preloaded, and versions.
std::optional<SqlError> ReadSettings(Session& session, SettingValues& values);

std::string SaveSettings(const SettingValues& values);

// The reason if it is no such file.
std::string LoadSettings(const std::string& path, SettingValues& values);

}  // namespace pg_hello::ctl
