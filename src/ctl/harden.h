// The subcommand `harden`: what could be safer, a plan, and only if asked its execution. Each
// change says how to undo it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"

namespace pg_hello::ctl {

inline constexpr const char* kHardenChecks[] = {"files",  "preload", "listen",    "tls",    "token",
                                                "grants", "audit",   "checksums", "logging"};

struct HardenRequest {
  Target target;
  std::vector<std::string> databases;  // whose grants and audit logs are looked at; empty: all
  std::vector<std::string> only;       // of kHardenChecks; empty: all of them
  bool apply = false;
  bool logging = false;  // changes of logging are planned, too
};

// What makes something safer. `run` gives the reason if it fails.
struct Change {
  std::string check = {};
  std::string database = {};
  std::string what = {};   // as a command
  std::string undo = {};   // as a command
  std::string needs = {};  // "a reload", "a restart"; empty: it works at once
  std::function<std::string()> run = {};
};

struct HardenResult {
  Findings findings = {};
  std::vector<Change> plan = {};
  std::vector<std::string> failed = {};  // with `apply`: for each change why it failed, or nothing
};

// One more way to see that nothing is changed by looking: without `apply` only the plan is made.
HardenResult Harden(const HardenRequest& request);

std::string AsText(const HardenResult& result, bool apply, bool colours);
std::string AsJson(const HardenResult& result, bool apply);

// --- what needs no server ---

// Names in a list such as shared_preload_libraries, without their quotes.
std::vector<std::string> SplitList(const std::string& list);

// ALTER SYSTEM SET for a list of names, each quoted.
std::string SetList(const std::string& setting, const std::vector<std::string>& names);

// Whether all of the addresses in this list are loopback ones.
bool OnlyLoopback(const std::string& listen_addresses);

}  // namespace pg_hello::ctl
