// The settings (pg_hello.*) as the rest of the shell reads them.
#ifndef PG_HELLO_PG_SETTINGS_H
#define PG_HELLO_PG_SETTINGS_H

#include <cstdint>
#include <vector>

#include "pg/pg.h"
#include "pg_hello/http/reactor.h"
#include "pg_hello/measure/tick_clock.h"
#include "pg_hello/selection/admission.h"
#include "pg_hello/selection/name_list.h"

namespace pg_hello::pg {

enum TrackLevel : int { kTrackNone, kTrackOwn, kTrackPl, kTrackAll };
enum ClockChoice : int { kClockAuto, kClockTsc, kClockMonotonic };

// A variable of an enumeration begins as its setting does, which assertions of the server look at.
struct Settings {
  int track = kTrackPl;
  bool track_inlinable;
  bool track_roles;
  int max_functions;
  bool save;
  int clock = kClockAuto;
  char* listen_addresses;
  int port;
  bool ssl;
  char* ssl_cert_file;
  char* ssl_key_file;
  char* ssl_ca_file;
  char* auth_token_file;
  char* allowed_hosts;
  char* unix_socket_path;
  int unix_socket_permissions;
  int metrics_max_functions;
  int metrics_max_histograms;
  char* metrics_pinned;
  char* slo;
  int probe_interval;  // ms
  char* probe_databases;
  int probe_timeout;  // ms
  int repeat;
};

extern Settings settings;

// Defines what can be set at any time, in every session that loads the library.
void DefineSessionSettings();
// Defines the rest. REQUIRES: the library is being loaded by the postmaster.
void DefineServerSettings();

// pg_hello.listen_addresses, port, ssl and unix_socket_* as the reactor wants them. May throw
// std::bad_alloc.
std::vector<http::ListenAddress> ListenAddresses();
// pg_hello.ssl, also if this build cannot do what it asks for: nothing is served then.
bool TlsWanted();
// pg_hello.ssl_*_file, in the same way: relative to the data directory, which is the server's own.
http::TlsFiles TlsFiles();

// pg_hello.auth_token_file and allowed_hosts, in the same way. May throw std::bad_alloc.
http::AccessRules AccessRules();

// pg_hello.metrics_pinned; good until the setting changes. May throw std::bad_alloc.
const selection::PatternList& PinnedPatterns();
// pg_hello.probe_databases; empty: all that have the extension. May throw std::bad_alloc.
selection::NameList ProbeDatabases();

// pg_hello.metrics_*. May throw std::bad_alloc.
selection::Budget MetricsBudget();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_SETTINGS_H
