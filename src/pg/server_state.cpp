// Kept apart because the worker and the SQL functions must ask the same questions.
#include "pg/server_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

#include "pg/shared_memory.h"

extern "C" {
#include "access/xlog.h"
#include "utils/guc.h"
#include "utils/pidfile.h"
}

namespace pg_hello::pg {

namespace {

// The postmaster writes its status into one line of postmaster.pid, padded with blanks; it is what
// pg_ctl waits for. Processes of the server run in the data directory.
void ReadPostmasterStatus(char* status, std::size_t size) {
  char text[1024];
  status[0] = '\0';
  const int file = open("postmaster.pid", O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return;
  }
  const ssize_t length = read(file, text, sizeof(text));
  close(file);
  std::string_view rest(text, length > 0 ? static_cast<std::size_t>(length) : 0);
  for (int line = 1; line < LOCK_FILE_LINE_PM_STATUS; ++line) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      return;
    }
    rest.remove_prefix(end + 1);
  }
  const std::size_t word = std::min(rest.find_first_of(" \n"), std::min(rest.size(), size - 1));
  std::memcpy(status, rest.data(), word);
  status[word] = '\0';
}

snapshot::ServerState ServerStateOf(const ServerFacts& facts) {
  snapshot::ServerState state;
  state.library_version = PG_HELLO_VERSION;
  state.postgres_version = facts.postgres_version != nullptr ? facts.postgres_version : "";
  state.postmaster_status = facts.postmaster_status;
  state.in_recovery = facts.in_recovery;
  return state;
}

}  // namespace

ServerFacts ReadServerFacts() {
  ServerFacts facts{};
  facts.postgres_version = GetConfigOption("server_version", true, false);
  ReadPostmasterStatus(facts.postmaster_status, sizeof(facts.postmaster_status));
  facts.in_recovery = RecoveryInProgress();
  return facts;
}

snapshot::Snapshot TakeSnapshot(const ServerFacts& facts) {
  return snapshot::Take(*shared_stats, UnixTimeUs(), ServerStateOf(facts));
}

void TakeSnapshotInto(snapshot::Snapshot& snapshot, const ServerFacts& facts,
                      snapshot::Detail detail) {
  snapshot::TakeInto(snapshot, *shared_stats, UnixTimeUs(), ServerStateOf(facts), detail);
}

snapshot::Snapshot TakeSummary(const ServerFacts& facts) {
  return snapshot::TakeSummary(*shared_stats, UnixTimeUs(), ServerStateOf(facts));
}

}  // namespace pg_hello::pg
