#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/logs.h"
#include "ctl/report.h"
#include "ctl/stop_signal.h"

namespace pg_hello::ctl {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  LogsRequest request;
  std::string format;
  std::string since;
  std::string time_zone;
  int again_seconds = 60;
};

bool PrintEvent(const LogEvent& event, bool json) {
  return Print(json ? AsJsonLine(event) : AsText({AsFinding(event)}, OnTerminal()));
}

bool PrintTrouble(const Finding& finding, bool json) {
  // Not among the events: a SIEM reads those.
  if (json) {
    Progress(AsText({finding}, false));
    return true;
  }
  return Print(AsText({finding}, OnTerminal()));
}

Severity WorstOf(const LogEvents& events, Findings findings) {
  for (const LogEvent& event : events.all()) findings.push_back(AsFinding(event));
  return findings.empty() ? Severity::kOk : Worst(findings);
}

int ReadOnce(const LogPlace& place, const LogsRequest& request, bool json) {
  LogEvents events;
  Findings findings;
  ReadLog(place, request.since, events, findings);
  std::vector<LogEvent> sorted = events.all();
  std::stable_sort(sorted.begin(), sorted.end(), [](const LogEvent& left, const LogEvent& right) {
    return left.first.value_or(0) < right.first.value_or(0);
  });
  bool written = true;
  for (const LogEvent& event : sorted) written = PrintEvent(event, json) && written;
  for (const Finding& finding : findings) written = PrintTrouble(finding, json) && written;
  if (sorted.empty() && findings.empty() && !json) {
    written = Print(AsText({{"log", Severity::kOk, "", "nothing about pg_hello in the log", ""}},
                           OnTerminal()));
  }
  return ExitCode(written ? WorstOf(events, findings) : Severity::kUnknown);
}

int Follow(const LogPlace& place, const Options& options, bool json) {
  LogEvents events;
  Findings findings;
  bool written = true;
  // How often each was said when that was last printed.
  std::map<std::size_t, std::uint64_t> told;
  auto next = Clock::now() + std::chrono::seconds(options.again_seconds);
  const auto tell_again = [&] {
    for (std::size_t i = 0; i < events.all().size(); ++i) {
      const LogEvent& event = events.all()[i];
      if (std::exchange(told[i], event.count) < event.count) {
        written = PrintEvent(event, json) && written;
      }
    }
  };
  CatchStopSignals();
  FollowLog(place, options.request.since, events,
            {.stop =
                 [&] {
                   if (Clock::now() >= next) {
                     tell_again();
                     next = Clock::now() + std::chrono::seconds(options.again_seconds);
                   }
                   return StopWanted() || !written;
                 },
             .happened =
                 [&](const LogEvent& event) {
                   told[events.all().size() - 1] = event.count;
                   written = PrintEvent(event, json) && written;
                 },
             .trouble =
                 [&](const Finding& finding) {
                   findings.push_back(finding);
                   written = PrintTrouble(finding, json) && written;
                 }});
  tell_again();
  return ExitCode(written ? WorstOf(events, findings) : Severity::kUnknown);
}

int Run(Options& options, const CommonOptions& common) {
  LogsRequest& request = options.request;
  LogPlace place;
  Findings findings;
  if (!request.files.empty()) {
    place.prefix = request.prefix;
    for (const std::string& file : request.files) {
      // What is followed may be rotated.
      if (request.follow) {
        place.sets.push_back(LogSetOf(file, ""));
      } else {
        place.files.push_back(file);
      }
    }
  } else if (!FindServerLog(common.target, place, findings)) {
    for (const Finding& finding : findings) PrintTrouble(finding, common.json);
    return ExitCode(Worst(findings));
  }
  if (!options.time_zone.empty()) place.time_zone = options.time_zone;
  const std::map<std::string, LogFormat> formats = {
      {"stderr", LogFormat::kStderr}, {"csv", LogFormat::kCsv}, {"json", LogFormat::kJson}};
  if (!options.format.empty()) place.format = formats.at(options.format);
  if (!options.since.empty()) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    request.since = ParseSince(options.since, now.count());
    if (!request.since) {
      PrintTrouble({"log", Severity::kUnknown, "",
                    "\"" + options.since + "\" is neither a time nor how long ago",
                    "write it as 2026-11-25, \"2026-11-25 02:00\", 30min, 12h or 7d"},
                   common.json);
      return ExitCode(Severity::kUnknown);
    }
  }
  return request.follow ? Follow(place, options, common.json)
                        : ReadOnce(place, request, common.json);
}

}  // namespace

void AddLogs(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  LogsRequest& request = options->request;
  CLI::App* const command =
      line.app.add_subcommand("logs", "Find what the server's log has about pg_hello, and crashes");
  command
      ->add_option("--file", request.files,
                   "Read this file instead of asking the server; also several, also .gz")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "Of the log; found out unless given")
      ->check(CLI::IsMember({"stderr", "csv", "json"}));
  command->add_option("--prefix", request.prefix, "log_line_prefix with which FILE was written")
      ->needs("--file");
  command->add_option("--time-zone", options->time_zone,
                      "Zone of the log's times; the server's log_timezone unless given");
  command->add_option("--since", options->since,
                      "Leave out what is older: 30min, 12h, 7d, or a time");
  command->add_flag("--follow", request.follow, "Go on with what comes, until SIGINT or SIGTERM");
  command
      ->add_option("--again", options->again_seconds,
                   "Following, seconds after which what happened again is said again")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  line.commands.emplace_back(command,
                             [options, &common = line.common] { return Run(*options, common); });
}

}  // namespace pg_hello::ctl
