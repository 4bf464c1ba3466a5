#include "ctl/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "ctl/report.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr int kPollMilliseconds = 200;

std::string Field(const PGresult* result, int code) {
  const char* const text = PQresultErrorField(result, code);
  return text == nullptr ? "" : OneLine(text);
}

SqlError ErrorOf(PGconn* connection, const PGresult* result) {
  std::string message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = OneLine(PQerrorMessage(connection));
  return SqlError{Field(result, PG_DIAG_SQLSTATE), std::move(message),
                  Field(result, PG_DIAG_MESSAGE_HINT)};
}

ConnectFailure WhyRefused(PGPing ping) {
  switch (ping) {
    case PQPING_OK:
      return ConnectFailure::kRefused;
    case PQPING_REJECT:
    case PQPING_NO_RESPONSE:
      return ConnectFailure::kNoServer;
    case PQPING_NO_ATTEMPT:
      break;
  }
  return ConnectFailure::kUsage;
}

}  // namespace

void Session::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

std::variant<Session, ConnectError> Session::Open(const Target& target,
                                                  const std::optional<std::string>& database) {
  Parameters parameters = MakeParameters(target, database);
  if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) {
    // First, so that a conninfo string's own outweighs it.
    parameters.insert(parameters.begin(), {"connect_timeout", "10"});
  }
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);

  Connection connection(PQconnectdbParams(keywords.data(), values.data(), 1));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return ConnectError{WhyRefused(PQpingParams(keywords.data(), values.data(), 1)),
                        OneLine(PQerrorMessage(connection.get()))};
  }
  Session session(std::move(connection));
  const auto answer = session.Ask(
      "SELECT pg_catalog.set_config('search_path', '', false),"
      " pg_catalog.set_config('statement_timeout', '10s', false)");
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    return ConnectError{ConnectFailure::kRefused, error->message};
  }
  return session;
}

std::variant<Session, ConnectError> Session::OpenServer(const Target& target) {
  const bool told = !target.database.empty() || std::getenv("PGDATABASE") != nullptr ||
                    std::getenv("PGSERVICE") != nullptr;
  return Open(target, told ? std::nullopt : std::optional<std::string>("postgres"));
}

std::variant<Rows, SqlError> Session::Ask(const std::string& sql,
                                          const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  // If it cannot be sent, there is no result to wait for, and the connection says why.
  PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(pointers.size()), nullptr,
                    pointers.data(), nullptr, nullptr, 0);
  return Await(stoppable_);
}

std::variant<Rows, SqlError> Session::Finish(const std::string& sql) {
  PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
  return Await(false);
}

std::variant<Rows, SqlError> Session::Await(bool stoppable) {
  PGconn* const connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    pollfd socket = {PQsocket(connection), POLLIN, 0};
    poll(&socket, 1, kPollMilliseconds);
    if (stoppable && StopWanted()) {
      stoppable = false;
      char why[256];
      const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection),
                                                                      &PQfreeCancel);
      PQcancel(cancel.get(), why, sizeof why);
    }
    if (socket.revents != 0 && PQconsumeInput(connection) == 0) break;
  }
  const Result result(PQgetResult(connection), &PQclear);
  while (const Result rest{PQgetResult(connection), &PQclear}) {
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return ErrorOf(connection, result.get());
  }
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      auto& cells = rows[static_cast<std::size_t>(row)];
      if (PQgetisnull(result.get(), row, column) != 0) {
        cells.emplace_back();
      } else {
        cells.emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

std::optional<SqlError> Session::Do(const std::string& sql,
                                    const std::vector<std::string>& values) {
  const auto answer = Ask(sql, values);
  const auto* const error = std::get_if<SqlError>(&answer);
  return error != nullptr ? std::optional(*error) : std::nullopt;
}

std::optional<SqlError> Session::WaitForAnswers(int seconds) {
  return Do("SELECT pg_catalog.set_config('statement_timeout', $1 || 's', false)",
            {std::to_string(seconds)});
}

std::vector<std::pair<std::string, std::string>> Session::Environment() const {
  std::vector<std::pair<std::string, std::string>> variables;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfo(connection_.get()), &PQconninfoFree);
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (option->envvar != nullptr && option->val != nullptr &&
        std::string_view(option->keyword) != "service") {
      variables.emplace_back(option->envvar, option->val);
    }
  }
  return variables;
}

void Session::RollBack() {
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) Finish("ROLLBACK");
}

ProgramConnection Session::ForPrograms(const std::string& database) const {
  ProgramConnection found;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfo(connection_.get()), &PQconninfoFree);
  // The programs choose these for themselves.
  constexpr std::string_view kLeftOut[] = {"dbname", "service", "client_encoding",
                                           "fallback_application_name", "replication"};
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    if (option->val == nullptr || *option->val == '\0') continue;
    if (keyword == "password") found.environment.emplace_back("PGPASSWORD", option->val);
    bool left_out = *option->dispchar == '*';
    for (const std::string_view name : kLeftOut) left_out = left_out || keyword == name;
    if (left_out) continue;
    found.conninfo += keyword;
    found.conninfo += "=" + QuotedForConninfo(option->val) + " ";
  }
  found.conninfo += "dbname=" + QuotedForConninfo(database);
  return found;
}

int Session::server_version_num() const { return PQserverVersion(connection_.get()); }

}  // namespace pg_hello::ctl
