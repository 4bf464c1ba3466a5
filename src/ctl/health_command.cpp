#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <tuple>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/health.h"

namespace pg_hello::ctl {
namespace {

volatile sig_atomic_t last_exit_code = ExitCode(Severity::kUnknown);

extern "C" void Leave(int) { _exit(last_exit_code); }

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

}  // namespace

void AddHealth(CommandLine& line) {
  struct Options {
    HealthRequest request;
    int watch_seconds = 0;
  };
  const auto options = std::make_shared<Options>();
  HealthRequest& request = options->request;
  CLI::App* const command =
      line.app.add_subcommand("health", "Check that pg_hello works and meets its objectives");
  command->add_option("database", request.databases,
                      "Databases to check; without any, all that allow connections");
  command->add_option("--url", request.endpoint.url,
                      "Also ask the endpoint, as http://127.0.0.1:9797, or https://...");
  for (const auto& [name, file, what] :
       {std::tuple{"--token-file", &request.endpoint.token_file, "Bearer token for the URL"},
        std::tuple{"--ca-file", &request.endpoint.ca_file,
                   "Authorities to trust for the URL, instead of the system's"},
        std::tuple{"--cert-file", &request.endpoint.cert_file, "Our certificate for the URL"},
        std::tuple{"--key-file", &request.endpoint.key_file, "Its key"}}) {
    command->add_option(name, *file, what)->type_name("FILE")->needs("--url");
  }
  AddObjectives(*command, request.objectives);
  command->add_option("--watch", options->watch_seconds, "Check again every so many seconds")
      ->check(CLI::Range(1, 86400));
  line.commands.emplace_back(command, [command, options, &common = line.common] {
    options->request.target = common.target;
    options->request.objectives.asked_for =
        command->count("--max-p95") + command->count("--max-error-rate") > 0;
    const auto round = [&] { return Print(CheckHealth(options->request), common.json); };
    if (options->watch_seconds > 0) Watch(options->watch_seconds, round);
    return round();
  });
}

}  // namespace pg_hello::ctl
