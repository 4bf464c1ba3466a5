// The extension in a database, and whether its functions answer.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>

#include "ctl/session.h"

namespace pg_hello::ctl {

struct InstalledExtension {
  std::string version;
  std::string schema;  // quoted
};

// One of the extension's functions, and a condition that holds if it answers rightly. In it, "@."
// stands for the extension's schema.
struct FunctionProbe {
  const char* function;
  const char* condition;
};

inline constexpr std::array kFunctionProbes = {
    FunctionProbe{"pg_hello(text)", "@.pg_hello('pg_helloctl') ~ '^Hello, pg_helloctl!'"},
    FunctionProbe{"now_ms()",
                  "abs(@.now_ms() - extract(epoch FROM clock_timestamp()) * 1000) < 60000"},
    FunctionProbe{"spi_version()", "@.spi_version() = version()"},
};

std::string InSchema(std::string sql, const std::string& schema);

// None: the database has no pg_hello.
std::variant<std::optional<InstalledExtension>, SqlError> AskForExtension(Session& session);

// The same; throws a Failure where there is no answer.
std::optional<InstalledExtension> FindExtension(Session& session);

// Whether the server can update the extension from version `from` to `to`, or they are the same.
bool IsOrFollows(Session& session, const std::string& from, const std::string& to);

// Throws a Failure for the first function that fails or answers wrongly.
void MustAnswer(Session& session, const InstalledExtension& extension);

}  // namespace pg_hello::ctl
