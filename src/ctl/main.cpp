// pg_helloctl: the command line.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <thread>

#include "ctl/diagnose.h"
#include "ctl/finding.h"
#include "ctl/health.h"
#include "ctl/report.h"

namespace pg_hello::ctl {
namespace {

constexpr char kExamples[] = R"(Examples:
  pg_helloctl health
      all databases of the server that libpq's environment leads to
  pg_helloctl -h db1.example.org -U monitor health shop crm
      two of them; it is critical if one of them lacks the extension
  pg_helloctl -d postgresql://monitor@db1/postgres --json health
  pg_helloctl health --url http://127.0.0.1:9797 --watch 30
  pg_helloctl -d shop diagnose
      what is wrong there, and how to mend it

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown (also: wrong usage).
Passwords come from PGPASSWORD or ~/.pgpass; pg_helloctl never asks for one.)";

volatile sig_atomic_t last_exit_code = ExitCode(Severity::kUnknown);

extern "C" void Leave(int) { _exit(last_exit_code); }

struct Output {
  bool json = false;
};

int Print(const Findings& findings, const Output& output) {
  const std::string text =
      output.json ? AsJson(findings) : AsText(findings, isatty(STDOUT_FILENO) == 1);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return ExitCode(Severity::kUnknown);
  return ExitCode(Worst(findings));
}

// Until it is told to stop by a signal; its exit code is then that of the last round.
[[noreturn]] void Watch(int seconds, const std::function<int()>& round) {
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    action.sa_handler = Leave;
    sigaction(number, &action, nullptr);
  }
  while (true) {
    last_exit_code = round();
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
  }
}

int Run(int argc, char** argv) {
  CLI::App app("Looks after pg_hello on a PostgreSQL server.", "pg_helloctl");
  app.footer(kExamples);
  app.set_help_flag("-?,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "pg_helloctl " PG_HELLO_VERSION);
  app.require_subcommand(1);
  app.fallthrough();

  HealthRequest health;
  Output output;
  app.add_option("-h,--host", health.target.host, "Server's host or socket directory");
  app.add_option("-p,--port", health.target.port, "Server's port");
  app.add_option("-U,--username", health.target.user, "Role to connect as");
  app.add_option("-d,--dbname", health.target.database,
                 "Database to connect to first; also a connection string or URI");
  app.add_flag("--json", output.json, "Print one JSON object instead of lines");

  CLI::App* const health_command =
      app.add_subcommand("health", "Check that pg_hello works and meets its objectives");
  int watch_seconds = 0;
  health_command->add_option("database", health.databases,
                             "Databases to check; without any, all that allow connections");
  health_command->add_option("--url", health.url,
                             "Also ask the endpoint, as http://127.0.0.1:9797");
  health_command
      ->add_option("--max-p95", health.objectives.p95_ms, "Milliseconds below which p95 must be")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  health_command
      ->add_option("--max-error-rate", health.objectives.error_percent,
                   "Percentage below which failed calls must be")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
  health_command->add_option("--watch", watch_seconds, "Check again every so many seconds")
      ->check(CLI::Range(1, 86400));

  CLI::App* const diagnose_command = app.add_subcommand(
      "diagnose", "Find out what is wrong, and say how to mend it; changes nothing");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr,
                 "pg_helloctl: error: %s\n"
                 "pg_helloctl: hint: Try \"pg_helloctl --help\" for more information.\n",
                 OneLine(error.what()).c_str());
    return ExitCode(Severity::kUnknown);
  }

  if (diagnose_command->parsed()) return Print(Diagnose(health.target), output);

  health.objectives.asked_for =
      health_command->count("--max-p95") + health_command->count("--max-error-rate") > 0;
  const auto round = [&] { return Print(CheckHealth(health), output); };
  if (watch_seconds > 0) Watch(watch_seconds, round);
  return round();
}

}  // namespace
}  // namespace pg_hello::ctl

int main(int argc, char** argv) {
  try {
    return pg_hello::ctl::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pg_helloctl: error: %s\n", error.what());
    return pg_hello::ctl::ExitCode(pg_hello::ctl::Severity::kUnknown);
  }
}
