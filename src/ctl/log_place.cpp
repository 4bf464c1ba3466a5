// Where the server's log is: the server says it, or the operating system of its process.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>

#include "ctl/database_check.h"
#include "ctl/logs.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

constexpr char kNameIt[] = "name its file with --file";

// What the server's process has as its standard error, if that is a file. Empty: it is none, or may
// not be seen.
std::string StandardErrorOf(const std::string& data_directory) {
  std::ifstream file(data_directory + "/postmaster.pid");
  std::string pid;
  if (!std::getline(file, pid)) return "";
  std::error_code error;
  const auto target = std::filesystem::read_symlink("/proc/" + pid + "/fd/2", error);
  return !error && std::filesystem::is_regular_file(target, error) ? target.string() : "";
}

}  // namespace

bool FindServerLog(const Target& target, LogPlace& place, Findings& findings) {
  const auto add = [&findings](Severity severity, std::string message, std::string hint) {
    findings.push_back({"log", severity, "", std::move(message), std::move(hint)});
    return false;
  };
  auto opened = Session::OpenServer(target);
  if (const auto* const error = std::get_if<ConnectError>(&opened)) {
    findings.push_back({"connection", SeverityOf(error->failure), "", error->message, kNameIt});
    return false;
  }
  const auto answer = std::get<Session>(opened).Ask(
      "SELECT current_setting('data_directory'),"
      " coalesce(pg_current_logfile('jsonlog'), pg_current_logfile('csvlog'),"
      "          pg_current_logfile('stderr')),"
      " current_setting('log_filename'), current_setting('log_line_prefix'),"
      " current_setting('log_timezone'), current_setting('logging_collector'),"
      " current_setting('log_destination'),"
      " inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr()");
  if (const auto* const error = std::get_if<SqlError>(&answer)) {
    return add(SeverityOf(*error), error->message,
               std::string("GRANT pg_monitor to the role that asks, or ") + kNameIt);
  }
  const auto& row = std::get<Rows>(answer).at(0);
  const auto text = [&row](std::size_t column) { return row[column].value_or(""); };
  if (text(7) != "t") {
    return add(Severity::kUnknown, "the server runs on another machine",
               "run it there, or fetch the log and name its file with --file");
  }
  place.prefix = text(3);
  place.time_zone = text(4);
  const std::string data_directory = text(0);
  if (text(5) == "on") {
    if (text(1).empty()) {
      return add(Severity::kUnknown,
                 "the logging collector writes no file; log_destination is " + text(6), kNameIt);
    }
    const std::string path = text(1).starts_with('/') ? text(1) : data_directory + "/" + text(1);
    place.sets.push_back(LogSetOf(path, text(2)));
    return true;
  }
  const std::string path = StandardErrorOf(data_directory);
  if (path.empty()) {
    return add(Severity::kUnknown,
               "the server does not collect its log (logging_collector is off), and where its "
               "standard error goes cannot be seen",
               std::string("run it as the server's user, or ") + kNameIt);
  }
  place.sets.push_back(LogSetOf(path, ""));
  return true;
}

}  // namespace pg_hello::ctl
