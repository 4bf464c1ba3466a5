#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/restore.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {

void AddRestore(CommandLine& line) {
  const auto request = std::make_shared<RestoreRequest>();
  CLI::App* const command = line.app.add_subcommand(
      "restore", "Restore one database, or the extension's data in it, from a backup");
  command
      ->add_option("backup", request->backup,
                   "A backup, or the directory where backups lie: then the newest verified one")
      ->required();
  command->add_option("database", request->database, "The database, as the backup knows it")
      ->required();
  command->add_option("--into", request->into,
                      "Restore it under this name, into a new or an empty database");
  command->add_option("--replace", request->replace,
                      "The database that is to be replaced, which must be named again");
  command->add_flag(
      "--extension-data", request->extension_data,
      "Restore only the rows of the extension's tables, into a database that is there");
  command->add_option("-j,--jobs", request->jobs, "Processes that restore a new database at a time")
      ->check(CLI::Range(1, 1024));
  command->add_option("--bindir", request->bindir, "Where pg_restore and its like are");
  command->add_flag("-q,--quiet", request->quiet, "Do not say what is being done");
  line.commands.emplace_back(command, [request, &common = line.common] {
    CatchStopSignals();
    return Print(Restore(common.target, *request), common.json);
  });
}

}  // namespace pg_hello::ctl
