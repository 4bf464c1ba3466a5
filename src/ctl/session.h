// A connection to a server, through libpq, and questions to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ctl/conninfo.h"

struct pg_conn;

namespace pg_hello::ctl {

// Why an answer did not come.
struct SqlError {
  std::string sqlstate;  // empty: it did not come from the server
  std::string message;   // one line, without "ERROR:"
  std::string hint;      // the server's, may be empty
};

// Rows of columns; nullopt is SQL's null.
using Rows = std::vector<std::vector<std::optional<std::string>>>;

enum class ConnectFailure {
  kNoServer,  // nothing answers there, or it is starting or stopping
  kRefused,   // a server is there, and does not let us in
  kUsage,     // nothing was tried: what was asked for makes no sense
};

struct ConnectError {
  ConnectFailure failure;
  std::string message;  // one line
};

// How another program gets to a database: a connection string for its arguments, which others can
// see, and for its environment what they must not see.
struct ProgramConnection {
  std::string conninfo;
  std::vector<std::pair<std::string, std::string>> environment;
};

class Session {
 public:
  // Waits for connecting as long as PGCONNECT_TIMEOUT says, 10 s if it says nothing; and 10 s for
  // each answer. Never asks for a password.
  static std::variant<Session, ConnectError> Open(const Target& target,
                                                  const std::optional<std::string>& database);

  // Any database of the server: where nothing says which, "postgres", as PostgreSQL's own programs
  // do that work on all databases.
  static std::variant<Session, ConnectError> OpenServer(const Target& target);

  // `values` are the parameters $1, $2, ...; the search path is empty but for pg_catalog. A command
  // that returns nothing has no rows. Cancelled when StopWanted().
  std::variant<Rows, SqlError> Ask(const std::string& sql,
                                   const std::vector<std::string>& values = {});

  // As Ask(), but never cancelled: to clean up.
  std::variant<Rows, SqlError> Finish(const std::string& sql);

  // Ends the transaction that the session may be in, without what it has done.
  void RollBack();

  // To a database of the server to which this session is connected, in the same way.
  ProgramConnection ForPrograms(const std::string& database) const;

  int server_version_num() const;

  // For what returns no rows.
  std::optional<SqlError> Do(const std::string& sql, const std::vector<std::string>& values = {});

  // From now on Ask() is not cancelled either: for what is short, and wanted though a stop has
  // come.
  void AskToTheEnd() { stoppable_ = false; }

  // From now on, for so many seconds; 0: without end.
  std::optional<SqlError> WaitForAnswers(int seconds);

  // Environment variables that lead libpq here, as the same role; the password is among them. For
  // other programs, whose arguments everybody can see.
  std::vector<std::pair<std::string, std::string>> Environment() const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  using Connection = std::unique_ptr<pg_conn, Close>;

  std::variant<Rows, SqlError> Await(bool stoppable);

  explicit Session(Connection connection) : connection_(std::move(connection)) {}

  Connection connection_;
  bool stoppable_ = true;
};

}  // namespace pg_hello::ctl
