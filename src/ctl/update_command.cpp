#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/stop_signal.h"
#include "ctl/update.h"

namespace pg_hello::ctl {

void AddUpdate(CommandLine& line) {
  const auto request = std::make_shared<UpdateRequest>();
  CLI::App* const command =
      line.app.add_subcommand("update", "Update the extension in many databases, staging first");
  command->add_option("database", request->databases,
                      "Databases to update; without any, all that have the extension");
  command->add_option("--staging", request->staging,
                      "A database to update before all others; may be given several times");
  command->add_option("--to", request->version,
                      "The version; without it, the one that CREATE EXTENSION would make");
  command->add_option("--backup-dir", request->backup_directory,
                      "Where backups lie: all these databases are backed up there first");
  command->add_flag("!--no-backup", request->backup, "Update without a backup");
  command->add_option("--state", request->state_file,
                      "The file that says how far an interrupted update has come; without it, "
                      "update.state.json among the backups");
  command
      ->add_option("--lock-timeout", request->lock_timeout_seconds,
                   "Seconds to wait for locks in each database")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  command->add_flag("--plan", request->plan,
                    "Only print the steps, and those with a second server");
  command->add_option("--bindir", request->bindir, "Where pg_dump and its like are");
  command->add_flag("-q,--quiet", request->quiet, "Do not say what is being done");
  line.commands.emplace_back(command, [request, &common = line.common] {
    CatchStopSignals();
    return Print(Update(common.target, *request), common.json);
  });
}

}  // namespace pg_hello::ctl
