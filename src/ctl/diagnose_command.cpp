#include <CLI/CLI.hpp>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/diagnose.h"

namespace pg_hello::ctl {

void AddDiagnose(CommandLine& line) {
  CLI::App* const command = line.app.add_subcommand(
      "diagnose", "Find out what is wrong, and say how to mend it; changes nothing");
  line.commands.emplace_back(
      command, [&common = line.common] { return Print(Diagnose(common.target), common.json); });
}

}  // namespace pg_hello::ctl
