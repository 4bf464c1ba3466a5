#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/backup.h"
#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {

void AddBackup(CommandLine& line) {
  const auto request = std::make_shared<BackupRequest>();
  CLI::App* const command = line.app.add_subcommand(
      "backup", "Back up databases, the extension's files and settings, and prove the backup");
  command->add_option("directory", request->directory, "Where backups lie; made if need be")
      ->required();
  command->add_option("database", request->databases,
                      "Databases to back up; without any, all that allow connections");
  command->add_flag("--physical", request->physical,
                    "Copy the whole cluster with pg_basebackup instead of dumping databases");
  command->add_option("--keep", request->retention.keep, "Keep so many of the newest good backups")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--keep-days", request->retention.keep_days, "Keep those that are no older")
      ->check(CLI::Range(1, 36500));
  command->add_flag("!--no-verify", request->verify,
                    "Do not restore the dumps into scratch databases to compare");
  command->add_flag("!--no-extension-files", request->extension_files,
                    "Leave out the extension's files, which take a superuser to read");
  command->add_flag("!--no-space-check", request->check_space,
                    "Begin although there may not be room enough");
  command->add_option("--bindir", request->bindir, "Where pg_dump and its like are");
  command->add_flag("-q,--quiet", request->quiet, "Do not say what is being done");
  line.commands.emplace_back(command, [request, &common = line.common] {
    if (request->physical && !request->databases.empty()) {
      return Print(Findings{{"usage", Severity::kUnknown, "",
                             "--physical copies the whole cluster: name no databases", ""}},
                   common.json);
    }
    CatchStopSignals();
    return Print(MakeBackup(common.target, *request).findings, common.json);
  });
}

}  // namespace pg_hello::ctl
