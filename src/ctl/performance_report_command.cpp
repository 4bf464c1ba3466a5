#include <CLI/CLI.hpp>
#include <memory>

#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/performance_report.h"
#include "ctl/whole_file.h"

namespace pg_hello::ctl {
namespace {

int Run(const ReportRequest& request, const std::string& html, bool json) {
  PerformanceReport report = MakeReport(request);
  if (!html.empty() && report.to > 0) {
    const std::string page = AsHtml(report);
    if (html == "-") {
      return Print(page) ? ExitCode(Worst(report.findings)) : ExitCode(Severity::kUnknown);
    }
    if (const std::string reason = WriteWholeFile(html, page); !reason.empty()) {
      report.findings.push_back(
          {"report", Severity::kUnknown, "", "could not write \"" + html + "\": " + reason, ""});
    }
  }
  if (!Print(json ? AsJson(report) : AsText(report, OnTerminal()))) {
    return ExitCode(Severity::kUnknown);
  }
  return ExitCode(Worst(report.findings));
}

}  // namespace

void AddReport(CommandLine& line) {
  struct Options {
    ReportRequest request;
    std::string html;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = line.app.add_subcommand(
      "report", "Report what a database's functions did: calls, errors, times");
  CLI::Option* const over =
      command
          ->add_option("--over", options->request.over_seconds,
                       "Watch it for so many seconds; all since the counters began unless given")
          ->check(CLI::Range(1, 86400));
  command
      ->add_option("--baseline", options->request.baseline,
                   "Report what came since this baseline, and compare with what was before")
      ->excludes(over);
  command
      ->add_option("--html", options->html,
                   "Also write it as a page with plots; - for standard output")
      ->type_name("FILE");
  AddObjectives(*command, options->request.objectives);
  line.commands.emplace_back(command, [options, &common = line.common] {
    options->request.target = common.target;
    return Run(options->request, options->html, common.json);
  });
}

}  // namespace pg_hello::ctl
