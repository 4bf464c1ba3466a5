// How a subcommand joins the program: it adds itself to the command line and says what it does.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/objectives.h"

namespace CLI {
class App;
}

namespace pg_hello::ctl {

// What stands before or after every subcommand.
struct CommonOptions {
  Target target;
  bool json = false;
};

struct CommandLine {
  CLI::App& app;
  const CommonOptions& common;  // complete when a subcommand runs
  // A subcommand and what it does, which returns the exit code.
  std::vector<std::pair<CLI::App*, std::function<int()>>> commands = {};
};

// Each in the file of its name.
void AddHealth(CommandLine& line);
void AddDiagnose(CommandLine& line);
void AddBackup(CommandLine& line);
void AddRestore(CommandLine& line);
void AddUpdate(CommandLine& line);
void AddLogs(CommandLine& line);
void AddLoad(CommandLine& line);
void AddReport(CommandLine& line);
void AddMaintain(CommandLine& line);
void AddHarden(CommandLine& line);
void AddCompletion(CommandLine& line);

// The options that say what is good enough.
void AddObjectives(CLI::App& command, Objectives& objectives);

}  // namespace pg_hello::ctl
