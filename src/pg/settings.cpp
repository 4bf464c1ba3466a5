// All settings in one place, as users find them in pg_settings: names, limits, texts.
#include "pg/settings.h"

#include <climits>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "pg/call_path.h"
#include "pg/role_calls.h"
#include "pg_hello/objectives/slo_setting.h"

extern "C" {
#include "utils/guc.h"
}

namespace pg_hello::pg {

constinit Settings settings{};

namespace {

constexpr config_enum_entry kTrackLevels[] = {
    {"none", kTrackNone, false}, {"own", kTrackOwn, false}, {"pl", kTrackPl, false},
    {"all", kTrackAll, false},   {"off", kTrackNone, true}, {nullptr, 0, false},
};

constexpr config_enum_entry kClockChoices[] = {
    {"auto", kClockAuto, false},
    {"tsc", kClockTsc, false},
    {"monotonic", kClockMonotonic, false},
    {nullptr, 0, false},
};

// What is refused in a configuration file leaves the setting off, but whoever asked for encryption
// must not be served without.
bool ssl_refused = false;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// "*", or a name without a port as Host has it.
bool IsHostName(std::string_view text) {
  return text == "*" || text.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") == std::string_view::npos;
}

// Calls `take` with each element of a comma-separated list. False if one is empty though the list
// is not.
template <typename Take>
bool ForEachElement(std::string_view list, Take take) {
  if (Trim(list).empty()) {
    return true;
  }
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view element = Trim(list.substr(0, comma));
    if (element.empty()) {
      return false;
    }
    take(element);
    if (comma == std::string_view::npos) {
      return true;
    }
    list.remove_prefix(comma + 1);
  }
}

// Whether `parse` can read the value; if not, the reason is in `fault`. Nothing that has to be
// destroyed is left when it returns.
template <typename Parse>
bool IsGood(Parse parse, const char* value, char* fault, std::size_t size) noexcept {
  try {
    const std::string reason = parse(value).fault;
    strlcpy(fault, reason.c_str(), size);
    return reason.empty();
  } catch (const std::exception&) {
    strlcpy(fault, "There is not enough memory.", size);
    return false;
  }
}

extern "C" {

static void AssignTracking(int, void*) { ++call_path.generation; }
static void AssignTrackInlinable(bool, void*) { ++call_path.generation; }
static void AssignTrackRoles(bool value, void*) { CountRoles(value); }

static bool CheckClock(int* value, void**, GucSource) {
  if (*value == kClockTsc && !measure::TscIsTrustworthy()) {
    GUC_check_errdetail("This machine has no invariant time-stamp counter that its kernel trusts.");
    GUC_check_errhint("Set \"pg_hello.clock\" to \"auto\" or \"monotonic\".");
    return false;
  }
  return true;
}

static bool CheckListenAddresses(char** value, void**, GucSource) {
  if (!ForEachElement(*value, [](std::string_view) {})) {
    GUC_check_errdetail("List of addresses has an empty element.");
    return false;
  }
  return true;
}

static bool CheckAllowedHosts(char** value, void**, GucSource) {
  bool good = true;
  if (!ForEachElement(*value,
                      [&good](std::string_view host) { good = good && IsHostName(host); })) {
    GUC_check_errdetail("List of host names has an empty element.");
    return false;
  }
  if (!good) {
    GUC_check_errdetail("A host name consists of letters, digits, \"-\", \".\", \"_\" and \"~\".");
    GUC_check_errhint("Leave out scheme and port; \"*\" alone stands for any name.");
  }
  return good;
}

static const char* ShowUnixSocketPermissions() {
  static char text[12];
  snprintf(text, sizeof(text), "%04o", static_cast<unsigned>(settings.unix_socket_permissions));
  return text;
}

static bool CheckMetricsPinned(char** value, void**, GucSource) {
  char fault[1024];
  return IsGood(selection::ParsePatterns, *value, fault, sizeof(fault)) ||
         (GUC_check_errdetail("%s", fault), false);
}

static bool CheckSlo(char** value, void**, GucSource) {
  char fault[1024];
  return IsGood(objectives::ParseSlos, *value, fault, sizeof(fault)) ||
         (GUC_check_errdetail("%s", fault), false);
}

static bool CheckProbeDatabases(char** value, void**, GucSource) {
  char fault[1024];
  return IsGood(selection::ParseNames, *value, fault, sizeof(fault)) ||
         (GUC_check_errdetail("%s", fault), false);
}

static void AssignMetricsPinned(const char*, void*) { ++call_path.generation; }

static bool CheckSsl(bool* value, void**, GucSource) {
  ssl_refused = *value && !http::kHasTls;
  if (ssl_refused) {
    GUC_check_errdetail("This build has no TLS support.");
    GUC_check_errhint("Rebuild pg_hello with -Dtls=enabled.");
    return false;
  }
  return true;
}

}  // extern "C"

}  // namespace

void DefineSessionSettings() {
  DefineCustomIntVariable("pg_hello.repeat", "Sets how many times pg_hello() repeats its greeting.",
                          nullptr, &settings.repeat, 1, 1, 1000, PGC_USERSET, 0, nullptr, nullptr,
                          nullptr);
}

void DefineServerSettings() {
  DefineCustomEnumVariable(
      "pg_hello.track", "Selects the functions whose calls are counted and timed.",
      "\"own\" means those of this extension, \"pl\" also those in procedural languages, \"all\" "
      "also those in C and those in SQL that are never inlined.",
      &settings.track, kTrackPl, kTrackLevels, PGC_SUSET, 0, nullptr, AssignTracking, nullptr);
  DefineCustomBoolVariable(
      "pg_hello.track_inlinable", "Also tracks SQL functions that the planner would inline.",
      "A tracked function is not inlined, so this changes plans and can make queries slower.",
      &settings.track_inlinable, false, PGC_SUSET, 0, nullptr, AssignTrackInlinable, nullptr);
  DefineCustomBoolVariable(
      "pg_hello.track_roles", "Also counts calls by the role that makes them.",
      "Shown by the view pg_hello_access_audit, and not on the metrics endpoint.",
      &settings.track_roles, false, PGC_SUSET, 0, nullptr, AssignTrackRoles, nullptr);
  DefineCustomEnumVariable(
      "pg_hello.clock", "Selects the clock that times calls.",
      "\"auto\" takes the CPU's time-stamp counter where there is an invariant one.",
      &settings.clock, kClockAuto, kClockChoices, PGC_SUSET, 0, CheckClock, AssignTracking,
      nullptr);
  DefineCustomIntVariable(
      "pg_hello.max_functions", "Sets the number of functions that can be tracked.",
      "Shared memory for this number of functions is reserved when the server starts.",
      &settings.max_functions, 5000, 1, 1000000, PGC_POSTMASTER, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable(
      "pg_hello.save", "Keeps the statistics over clean restarts of the server.",
      "They are written when the server is shut down, and read and removed when it is started.",
      &settings.save, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.listen_addresses", "Sets the addresses on which metrics are served over HTTP.",
      "A comma-separated list of IP addresses, \"localhost\" or \"*\". If empty, there is no HTTP.",
      &settings.listen_addresses, "127.0.0.1", PGC_SIGHUP, 0, CheckListenAddresses, nullptr,
      nullptr);
  DefineCustomIntVariable("pg_hello.port", "Sets the TCP port on which metrics are served.",
                          "0 lets the system choose one; pg_hello_info() and the log show which.",
                          &settings.port, 9797, 0, 65535, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("pg_hello.ssl", "Serves metrics over HTTPS instead of HTTP.", nullptr,
                           &settings.ssl, false, PGC_SIGHUP, 0, CheckSsl, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.ssl_cert_file", "Sets the file with the certificate that HTTPS clients are shown.",
      "In PEM, followed by the certificates that lead to its root. A relative path starts in the "
      "data directory.",
      &settings.ssl_cert_file, "server.crt", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.ssl_key_file", "Sets the file with the private key of \"pg_hello.ssl_cert_file\".",
      "In PEM, without a passphrase; readable by the server's user only.", &settings.ssl_key_file,
      "server.key", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
  DefineCustomStringVariable("pg_hello.ssl_ca_file",
                             "Sets the file with the authorities of HTTPS clients' certificates.",
                             "In PEM. If empty, clients need no certificate.",
                             &settings.ssl_ca_file, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.auth_token_file", "Sets the file with the token that HTTP clients must show.",
      "One line, readable by the server's user only. If empty, clients need none. Health checks "
      "never do.",
      &settings.auth_token_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.allowed_hosts", "Names by which HTTP clients may call this server.",
      "A comma-separated list, besides \"localhost\" and IP addresses; \"*\" stands for any name.",
      &settings.allowed_hosts, "", PGC_SIGHUP, 0, CheckAllowedHosts, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.unix_socket_path", "Sets the Unix socket on which metrics are also served.",
      "Who may open it needs no token. If empty, there is none. A relative path starts in the data "
      "directory.",
      &settings.unix_socket_path, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("pg_hello.unix_socket_permissions",
                          "Sets the access permissions of \"pg_hello.unix_socket_path\".",
                          "A numeric mode as chmod takes it; an octal one begins with 0.",
                          &settings.unix_socket_permissions, 0700, 0, 0777, PGC_SIGHUP, 0, nullptr,
                          nullptr, ShowUnixSocketPermissions);
  DefineCustomIntVariable(
      "pg_hello.metrics_max_functions", "Sets the number of functions that /metrics shows.",
      "The first to come stay until they are dropped or reset. The extension's own and those of "
      "\"pg_hello.metrics_pinned\" are shown besides.",
      &settings.metrics_max_functions, 1000, 0, 1000000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "pg_hello.metrics_max_histograms",
      "Sets the number of functions that /metrics shows with a classic histogram.",
      "Of those that it shows at all, in the same order.", &settings.metrics_max_histograms, 200, 0,
      1000000, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
  DefineCustomStringVariable(
      "pg_hello.metrics_pinned", "Names the functions that /metrics always shows.",
      "A comma-separated list of \"schema.function\" or \"database:schema.function\", with * and ? "
      "as wildcards; a function without parentheses has any arguments.",
      &settings.metrics_pinned, "", PGC_SIGHUP, 0, CheckMetricsPinned, AssignMetricsPinned,
      nullptr);
  DefineCustomStringVariable(
      "pg_hello.slo", "Sets the service level objectives of functions.",
      "A semicolon-separated list of objectives such as \"checkout = 99.9% < 250ms: "
      "shop:billing.*\": "
      "a name, the share of calls that shall neither fail nor take longer than the threshold, if "
      "there is one, and patterns of functions as in \"pg_hello.metrics_pinned\".",
      &settings.slo, objectives::kDefaultSlos, PGC_SIGHUP, 0, CheckSlo, nullptr, nullptr);
  DefineCustomIntVariable(
      "pg_hello.probe_interval", "Sets the time between the beginnings of two rounds of probes.",
      "A round visits one database after another; 0 turns probes off.", &settings.probe_interval,
      30'000, 0, 86'400'000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "pg_hello.probe_timeout", "Sets the time that the probes of one database may take together.",
      "Less than the five seconds for which CREATE DATABASE and DROP DATABASE wait for others.",
      &settings.probe_timeout, 3'000, 10, 4'000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr,
      nullptr);
  DefineCustomStringVariable(
      "pg_hello.probe_databases", "Names the databases that are probed.",
      "A comma-separated list, with * and ? as wildcards; their lack of the extension is a "
      "failure. If empty, those are probed that have the extension.",
      &settings.probe_databases, "", PGC_SIGHUP, 0, CheckProbeDatabases, nullptr, nullptr);
  MarkGUCPrefixReserved("pg_hello");
}

std::vector<http::ListenAddress> ListenAddresses() {
  std::vector<http::ListenAddress> addresses;
  ForEachElement(settings.listen_addresses, [&addresses](std::string_view address) {
    addresses.push_back(
        {std::string(address), static_cast<std::uint16_t>(settings.port), TlsWanted()});
  });
  if (*settings.unix_socket_path != '\0') {
    http::ListenAddress& local = addresses.emplace_back();
    local.unix_path = settings.unix_socket_path;
    local.unix_mode = static_cast<std::uint32_t>(settings.unix_socket_permissions);
  }
  return addresses;
}

http::AccessRules AccessRules() {
  http::AccessRules rules;
  ForEachElement(settings.allowed_hosts,
                 [&rules](std::string_view host) { rules.hosts.emplace_back(host); });
  rules.token_file = settings.auth_token_file;
  return rules;
}

const selection::PatternList& PinnedPatterns() {
  struct Parsed {
    std::string text;
    selection::PatternList list;
  };
  static Parsed* parsed = new Parsed;  // never destroyed: the process may exit at any time
  if (parsed->text != settings.metrics_pinned) {
    Parsed fresh{settings.metrics_pinned, selection::ParsePatterns(settings.metrics_pinned).list};
    *parsed = std::move(fresh);
  }
  return parsed->list;
}

selection::NameList ProbeDatabases() { return selection::ParseNames(settings.probe_databases); }

selection::Budget MetricsBudget() {
  return {static_cast<std::uint32_t>(settings.metrics_max_functions),
          static_cast<std::uint32_t>(settings.metrics_max_histograms), PinnedPatterns()};
}

bool TlsWanted() { return settings.ssl || ssl_refused; }

http::TlsFiles TlsFiles() {
  return {settings.ssl_cert_file, settings.ssl_key_file, settings.ssl_ca_file};
}

}  // namespace pg_hello::pg
