// pg_helloctl: the command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "ctl/command_line.h"
#include "ctl/finding.h"
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
  pg_helloctl -d shop diagnose --bundle shop.tar.gz
      the same, with what is needed to look into it elsewhere, without secrets
  pg_helloctl logs --since 1d
      what the server's log has about pg_hello; --follow goes on
  pg_helloctl -d staging load --clients 20 --duration 60
  pg_helloctl -d shop report --over 60 --html shop.html
  pg_helloctl maintain daily --output /var/lib/pg_hello
  pg_helloctl harden
      a plan; harden --apply does it
  pg_helloctl backup /backup/pg_hello shop crm --keep 7
      two databases, proven by restoring them into scratch databases
  pg_helloctl restore /backup/pg_hello shop --into shop_yesterday
      one of them from the newest of these backups, under another name
  pg_helloctl update --staging shop_test --backup-dir /backup/pg_hello
      the extension in all databases that have it, one transaction each

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown (also: wrong usage).
Passwords come from PGPASSWORD or ~/.pgpass; pg_helloctl never asks for one.)";

}  // namespace

void AddObjectives(CLI::App& command, Objectives& objectives) {
  command.add_option("--max-p95", objectives.p95_ms, "Milliseconds below which p95 must be")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-error-rate", objectives.error_percent,
                  "Percentage below which failed calls must be")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
}

namespace {

int Run(int argc, char** argv) {
  CLI::App app("Looks after pg_hello on a PostgreSQL server.", "pg_helloctl");
  app.footer(kExamples);
  app.set_help_flag("-?,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "pg_helloctl " PG_HELLO_VERSION);
  app.require_subcommand(1);
  app.fallthrough();

  CommonOptions common;
  app.add_option("-h,--host", common.target.host, "Server's host or socket directory");
  app.add_option("-p,--port", common.target.port, "Server's port");
  app.add_option("-U,--username", common.target.user, "Role to connect as");
  app.add_option("-d,--dbname", common.target.database,
                 "Database to connect to first; also a connection string or URI");
  app.add_flag("--json", common.json, "Print JSON instead of lines");

  CommandLine line{app, common};
  AddHealth(line);
  AddDiagnose(line);
  AddLogs(line);
  AddLoad(line);
  AddReport(line);
  AddMaintain(line);
  AddHarden(line);
  AddBackup(line);
  AddRestore(line);
  AddUpdate(line);
  AddCompletion(line);  // the last one: it lists the others

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
  for (const auto& [command, run] : line.commands) {
    if (command->parsed()) return run();
  }
  return ExitCode(Severity::kUnknown);
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
