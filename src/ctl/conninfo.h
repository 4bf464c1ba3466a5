// Where to connect to, in the terms of libpq. Pure: nothing here connects.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pg_hello::ctl {

// What the command line says; what it leaves out is libpq's to find: environment, service file,
// password file, defaults.
struct Target {
  std::string host;
  std::string port;
  std::string user;
  std::string database;  // a name, a conninfo string or a URI
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

// Keywords and values for PQconnectdbParams() with expand_dbname. As with PostgreSQL's own
// programs, a conninfo string outweighs the other options. `database`: connect to the database of
// this very name on that server instead, whatever characters the name has.
Parameters MakeParameters(const Target& target, const std::optional<std::string>& database);

// The value as it stands after "keyword=" in a connection string:
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
std::string QuotedForConninfo(std::string_view value);

}  // namespace pg_hello::ctl
