#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/maintain.h"

namespace pg_hello::ctl {

void AddMaintain(CommandLine& line) {
  const auto request = std::make_shared<MaintainRequest>();
  CLI::App* const command = line.app.add_subcommand(
      "maintain", "Do the duties of a day, week or month: report, baseline, retention, drift");
  command->add_option("period", request->period, "daily, weekly or monthly")
      ->required()
      ->check(CLI::IsMember({"daily", "weekly", "monthly"}));
  command->add_option("database", request->databases,
                      "Databases; without any, all in which the extension is");
  command->add_option("--output", request->output, "Directory that keeps reports and settings")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  command
      ->add_option("--keep", request->keep_baselines,
                   "Baselines and files of the period to keep: 14 daily, 9 weekly, 13 monthly ones "
                   "unless given")
      ->check(CLI::Range(2, 100000));
  command
      ->add_option("--keep-audit", request->keep_audit,
                   "Delete audit records that are older, as \"1 year\"; none unless given")
      ->type_name("INTERVAL");
  AddObjectives(*command, request->objectives);
  line.commands.emplace_back(command, [request, &common = line.common] {
    request->target = common.target;
    return Print(Maintain(*request), common.json);
  });
}

}  // namespace pg_hello::ctl
