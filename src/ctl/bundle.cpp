#include "ctl/bundle.h"

#include <sys/utsname.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "ctl/logs.h"
#include "ctl/own_functions.h"
#include "ctl/report.h"
#include "ctl/session.h"

namespace pg_hello::ctl {
namespace {

using Json = nlohmann::ordered_json;

// "@." is the extension's schema.
struct Question {
  const char* file;
  const char* sql;
};

constexpr Question kQuestions[] = {
    {"server.json",
     "SELECT version(), pg_postmaster_start_time(), pg_is_in_recovery(), current_database(),"
     " getdatabaseencoding(), clock_timestamp()"},
    // A text may hold a password, as primary_conninfo and archive_command do; numbers cannot.
    {"settings.json",
     "SELECT name, setting, unit, context, source, pending_restart FROM pg_settings"
     " WHERE vartype <> 'string' OR name IN ('shared_preload_libraries', "
     "'session_preload_libraries',"
     " 'local_preload_libraries', 'server_version', 'lc_messages', 'lc_collate', 'TimeZone', "
     "'log_timezone',"
     " 'log_directory', 'log_filename', 'log_line_prefix', 'log_destination', 'listen_addresses',"
     " 'search_path', 'pg_hello.listen_addresses', 'pg_hello.metrics_pinned') ORDER BY name"},
    {"settings_errors.json",
     "SELECT sourcefile, sourceline, name, applied, error FROM pg_file_settings WHERE error IS NOT "
     "NULL"},
    {"extensions.json",
     "SELECT e.extname, e.extversion, n.nspname, a.default_version FROM pg_extension e"
     " JOIN pg_namespace n ON n.oid = e.extnamespace"
     " LEFT JOIN pg_available_extensions a ON a.name = e.extname ORDER BY 1"},
    {"files.json",
     "SELECT path, s.size, s.modification FROM (SELECT setting || '/pg_hello.so' AS path FROM "
     "pg_config"
     " WHERE name = 'PKGLIBDIR' UNION ALL SELECT setting || '/extension/' || f FROM pg_config,"
     " pg_ls_dir(setting || '/extension') f WHERE name = 'SHAREDIR' AND f ~ "
     "'^pg_hello(--.*)?\\.(sql|control)$')"
     " p, pg_stat_file(path, true) s"},
    {"processes.json",
     "SELECT pid, backend_type, datname, state, wait_event_type, wait_event, backend_start, "
     "xact_start,"
     " state_change, pg_blocking_pids(pid) AS blocked_by FROM pg_stat_activity ORDER BY pid"},
    {"info.json", "SELECT * FROM @.pg_hello_info()"},
    {"memory.json", "SELECT * FROM @.pg_hello_memory()"},
    {"functions.json", "SELECT * FROM @.pg_hello_stats ORDER BY calls DESC LIMIT 1000"},
    {"exports.json",
     "SELECT exported, histogram, reason, count(*) FROM @.pg_hello_exports GROUP BY 1, 2, 3"},
};

void Clean(Json& value) {
  if (value.is_string()) {
    value = WithoutSecrets(value.get<std::string>());
  } else if (value.is_structured()) {
    for (Json& part : value) Clean(part);
  }
}

std::string Dump(Json value) {
  Clean(value);
  return value.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string AskFor(Session& session, const std::string& schema, const Question& question) {
  std::string sql = question.sql;
  if (const std::size_t at = sql.find("@."); at != sql.npos) {
    if (schema.empty()) return Dump({{"error", "extension pg_hello is not installed"}});
    sql.replace(at, 1, schema);
  }
  const auto answer =
      session.Ask("SELECT coalesce(json_agg(q), '[]')::text FROM (" + sql + ") AS q");
  if (const auto* const error = std::get_if<SqlError>(&answer))
    return Dump({{"error", error->message}});
  return Dump(Json::parse(std::get<Rows>(answer).at(0)[0].value_or("[]"), nullptr, false));
}

// Without details and contexts, which may have values of a user's.
std::string LogEventsAsJson(const Target& target) {
  LogPlace place;
  Findings findings;
  LogEvents events;
  if (FindServerLog(target, place, findings)) ReadLog(place, std::nullopt, events, findings);
  Json list = Json::array();
  for (LogEvent event : events.all()) {
    event.entry.detail.clear();
    event.entry.context.clear();
    list.push_back(Json::parse(AsJsonLine(event)));
  }
  return Dump(
      {{"events", std::move(list)}, {"findings", Json::parse(AsJson(findings))["findings"]}});
}

std::string FileHead(const char* path, std::size_t lines) {
  std::ifstream file(path);
  std::string text;
  std::string line;
  for (std::size_t i = 0; i < lines && std::getline(file, line); ++i) text += line + "\n";
  return text;
}

std::string System() {
  std::ostringstream text;
  utsname names = {};
  if (uname(&names) == 0) {
    text << names.sysname << ' ' << names.release << ' ' << names.version << ' ' << names.machine
         << '\n';
  }
  text << std::thread::hardware_concurrency() << " processors\n\n"
       << FileHead("/etc/os-release", 4) << '\n'
       << FileHead("/proc/meminfo", 5) << '\n'
       << FileHead("/proc/loadavg", 1);
  return text.str();
}

}  // namespace

BundleFiles CollectBundle(const Target& target, const Findings& findings) {
  BundleFiles files = {{"findings.txt", WithoutSecrets(AsText(findings, false))},
                       {"findings.json", Dump(Json::parse(AsJson(findings)))},
                       {"system.txt", System()},
                       {"log.json", LogEventsAsJson(target)}};
  auto opened = Session::OpenServer(target);
  auto* const session = std::get_if<Session>(&opened);
  if (session == nullptr) return files;
  const auto answer = AskForExtension(*session);
  const auto* const extension = std::get_if<std::optional<InstalledExtension>>(&answer);
  const std::string schema = extension != nullptr && *extension ? (*extension)->schema : "";
  for (const Question& question : kQuestions) {
    files.emplace_back(question.file, AskFor(*session, schema, question));
  }
  return files;
}

}  // namespace pg_hello::ctl
