#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/load.h"

namespace pg_hello::ctl {

void AddLoad(CommandLine& line) {
  const auto request = std::make_shared<LoadRequest>();
  request->directory = PG_HELLO_DATA_DIR "/load";
  CLI::App* const command = line.app.add_subcommand(
      "load", "Test a database under load, with pgbench and pg_hello's own counters");
  command->add_option("--clients", request->clients, "Sessions at the same time")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command->add_option("--duration", request->seconds, "Seconds for which it lasts")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  command
      ->add_option(
          "--rate", request->rate,
          "Transactions per second, of all clients together; as many as can be unless given")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--script", request->scripts,
                   "Run this pgbench script instead of greeting, settings and timestamps; also "
                   "several, with weights: FILE@2")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--scripts-dir", request->directory, "Where the three are")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--pgbench", request->pgbench, "The program")
      ->type_name("FILE")
      ->capture_default_str();
  command
      ->add_option("--progress", request->progress_seconds,
                   "Seconds between progress lines; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
  AddObjectives(*command, request->objectives);
  command->add_flag("--force", request->force, "Also where the database looks like production");
  line.commands.emplace_back(command, [request, &common = line.common] {
    request->target = common.target;
    const LoadResult result = RunLoad(*request);
    if (!Print(common.json ? AsJson(result) : AsText(result, OnTerminal()))) {
      return ExitCode(Severity::kUnknown);
    }
    return ExitCode(Worst(result.findings));
  });
}

}  // namespace pg_hello::ctl
