#include "ctl/questions.h"

#include <utility>

#include "ctl/database_check.h"
#include "ctl/failure.h"

namespace pg_hello::ctl {
namespace {

Session WithoutTimeout(std::variant<Session, ConnectError> opened, const std::string& database) {
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    throw Failure({"connection", SeverityOf(error->failure), database, error->message, ""});
  }
  Session session = std::move(std::get<Session>(opened));
  MustAsk(session, "connection",
          "SELECT set_config('statement_timeout', '0', false),"
          " set_config('idle_in_transaction_session_timeout', '0', false)");
  return session;
}

}  // namespace

Rows MustAsk(Session& session, const std::string& check, const std::string& sql,
             const std::vector<std::string>& values) {
  auto answer = session.Ask(sql, values);
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    throw Failure({check, SeverityOf(*error), "", error->message, error->hint});
  }
  return std::move(std::get<Rows>(answer));
}

Session MustOpen(const Target& target, const std::optional<std::string>& database) {
  return WithoutTimeout(Session::Open(target, database), database.value_or(""));
}

Session MustOpenServer(const Target& target) {
  return WithoutTimeout(Session::OpenServer(target), "");
}

std::string QuotedIdentifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuotedLiteral(std::string_view text) {
  std::string quoted = text.find('\\') == text.npos ? "'" : " E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + '\'';
}

}  // namespace pg_hello::ctl
