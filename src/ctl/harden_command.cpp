#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/harden.h"

namespace pg_hello::ctl {
namespace {

int Run(const HardenRequest& request, bool json) {
  const HardenResult result = Harden(request);
  if (!Print(json ? AsJson(result, request.apply) : AsText(result, request.apply, OnTerminal()))) {
    return ExitCode(Severity::kUnknown);
  }
  const bool failed = std::any_of(result.failed.begin(), result.failed.end(),
                                  [](const std::string& reason) { return !reason.empty(); });
  return ExitCode(failed ? Severity::kCritical : Worst(result.findings));
}

}  // namespace

void AddHarden(CommandLine& line) {
  const auto request = std::make_shared<HardenRequest>();
  CLI::App* const command = line.app.add_subcommand(
      "harden", "Find what could be safer, and plan how; with --apply, do it");
  command->add_option("database", request->databases,
                      "Databases whose grants and audit logs are looked at; without any, all");
  command->add_flag("--apply", request->apply, "Do what is planned");
  command->add_option("--only", request->only, "Only this check; also several")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(kHardenChecks), std::end(kHardenChecks))));
  command->add_flag("--logging", request->logging,
                    "Plan changes of log_line_prefix and log_statement, too");
  line.commands.emplace_back(command, [request, &common = line.common] {
    request->target = common.target;
    return Run(*request, common.json);
  });
}

}  // namespace pg_hello::ctl
