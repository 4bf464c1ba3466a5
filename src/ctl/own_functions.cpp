#include "ctl/own_functions.h"

#include "ctl/database_check.h"
#include "ctl/failure.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {

std::string InSchema(std::string sql, const std::string& schema) {
  std::size_t at = 0;
  while ((at = sql.find("@.", at)) != sql.npos) {
    sql.replace(at, 1, schema);
    at += schema.size();
  }
  return sql;
}

std::variant<std::optional<InstalledExtension>, SqlError> AskForExtension(Session& session) {
  const auto answer = session.Ask(
      "SELECT e.extversion, quote_ident(n.nspname) FROM pg_extension e"
      " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_hello'");
  if (const auto* const error = std::get_if<SqlError>(&answer)) return *error;
  const Rows& rows = std::get<Rows>(answer);
  if (rows.empty()) return std::nullopt;
  return InstalledExtension{rows[0][0].value_or(""), rows[0][1].value_or("")};
}

std::optional<InstalledExtension> FindExtension(Session& session) {
  const auto answer = AskForExtension(session);
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    throw Failure({"installed", SeverityOf(*error), "", error->message, error->hint});
  }
  return std::get<std::optional<InstalledExtension>>(answer);
}

bool IsOrFollows(Session& session, const std::string& from, const std::string& to) {
  return from == to || MustAsk(session, "versions",
                               "SELECT EXISTS (SELECT FROM pg_extension_update_paths('pg_hello')"
                               " WHERE source = $1 AND target = $2 AND path IS NOT NULL)",
                               {from, to})
                               .at(0)[0] == "t";
}

void MustAnswer(Session& session, const InstalledExtension& extension) {
  for (const auto& [function, condition] : kFunctionProbes) {
    const auto answer = session.Ask("SELECT " + InSchema(condition, extension.schema));
    if (const auto* const error = std::get_if<SqlError>(&answer)) {
      throw Failure("functions", std::string(function) + " fails: " + error->message, error->hint);
    }
    if (std::get<Rows>(answer).at(0)[0] != "t") {
      throw Failure("functions", std::string(function) + " answers wrongly");
    }
  }
}

}  // namespace pg_hello::ctl
