// The subcommand `load`: a load test by pgbench, and what the server's own counters say of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"
#include "ctl/function_counters.h"
#include "ctl/objectives.h"

namespace pg_hello::ctl {

struct LoadRequest {
  Target target;
  int clients = 10;
  int seconds = 60;
  std::optional<double> rate;             // transactions per second, of all clients together
  std::vector<std::string> scripts = {};  // pgbench's, FILE[@WEIGHT]; empty: those in `directory`
  std::string directory;                  // of greeting.sql, settings.sql and timestamps.sql
  std::string pgbench = "pgbench";
  int progress_seconds = 5;  // 0: none
  bool force = false;        // also where it looks like production
  Objectives objectives;
};

struct LoadResult {
  Findings findings = {};
  std::vector<Work> works = {};                   // of functions that were called
  double seconds = 0;                             // between the readings
  std::optional<std::int64_t> transactions = {};  // as pgbench says
  std::optional<double> per_second = {};
};

LoadResult RunLoad(const LoadRequest& request);

std::string AsText(const LoadResult& result, bool colours);
std::string AsJson(const LoadResult& result);

// What may be seen of a database from outside, and what of it speaks for production: one sentence
// for each rule.
struct DatabaseSigns {
  std::string name = {};
  std::int64_t bytes = 0;
  std::int64_t other_sessions = 0;  // of clients, in this database
  std::int64_t standbys = 0;
  bool in_recovery = false;
  bool archives = false;  // archive_mode
};

std::vector<std::string> SignsOfProduction(const DatabaseSigns& signs);

}  // namespace pg_hello::ctl
