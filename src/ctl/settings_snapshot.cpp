#include "ctl/settings_snapshot.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace pg_hello::ctl {

std::optional<SqlError> ReadSettings(Session& session, SettingValues& values) {
  const auto answer = session.Ask(
      "SELECT name, setting || coalesce(' ' || unit, '') FROM pg_settings"
      " WHERE starts_with(name, 'pg_hello.')"
      " OR name IN ('shared_preload_libraries', 'session_preload_libraries', 'server_version')"
      " UNION ALL SELECT 'extension version', extversion FROM pg_extension"
      " WHERE extname = 'pg_hello'");
  if (const auto* const error = std::get_if<SqlError>(&answer)) return *error;
  for (const auto& row : std::get<Rows>(answer)) values[row[0].value_or("")] = row[1].value_or("");
  return std::nullopt;
}

std::string SaveSettings(const SettingValues& values) {
  return nlohmann::json(values).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string LoadSettings(const std::string& path, SettingValues& values) {
  std::ifstream file(path);
  if (!file) return std::strerror(errno);
  const auto object = nlohmann::json::parse(file, nullptr, false);
  if (!object.is_object()) return "it is no JSON object";
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) return "\"" + name + "\" is no text";
    values[name] = value.get<std::string>();
  }
  return "";
}

}  // namespace pg_hello::ctl
