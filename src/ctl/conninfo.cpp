#include "ctl/conninfo.h"

namespace pg_hello::ctl {

std::string QuotedForConninfo(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

Parameters MakeParameters(const Target& target, const std::optional<std::string>& database) {
  Parameters parameters;
  const auto add = [&parameters](std::string_view keyword, std::string value) {
    if (!value.empty()) parameters.emplace_back(keyword, std::move(value));
  };
  add("host", target.host);
  add("port", target.port);
  add("user", target.user);
  add("dbname", target.database);
  if (database) {
    // libpq expands only the first dbname, and takes those that follow literally.
    add("dbname", target.database.empty() ? "dbname=" + QuotedForConninfo(*database) : *database);
  }
  add("fallback_application_name", "pg_helloctl");
  add("client_encoding", "UTF8");
  return parameters;
}

}  // namespace pg_hello::ctl
