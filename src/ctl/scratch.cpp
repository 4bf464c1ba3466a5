#include "ctl/scratch.h"

#include <cstdio>
#include <random>

#include "ctl/database_properties.h"
#include "ctl/questions.h"

namespace pg_hello::ctl {
namespace {

// While a pg_helloctl lives, its session holds an advisory lock for the name. "pghc"
constexpr char kLockClass[] = "1885825123";

std::string RandomName() {
  std::random_device random;
  char name[64];
  std::snprintf(name, sizeof name, "pg_helloctl_scratch_%08x%08x", random(), random());
  return name;
}

std::string DropCommand(const std::string& name) {
  return "DROP DATABASE IF EXISTS " + QuotedIdentifier(name) + " WITH (FORCE)";
}

}  // namespace

ScratchDatabase::ScratchDatabase(Session& server, const DatabaseProperties& properties)
    : server_(server), name_(RandomName()) {
  MustAsk(server_, "scratch",
          "SELECT pg_advisory_lock(" + std::string(kLockClass) + ", hashtext($1))", {name_});
  try {
    CreateDatabase(server_, name_, properties);
  } catch (...) {
    server_.Finish(DropCommand(name_));
    throw;
  }
}

ScratchDatabase::~ScratchDatabase() {
  if (kept_) return;
  server_.RollBack();
  server_.Finish(DropCommand(name_));
}

void DropAbandonedScratch(Session& server) {
  for (const auto& row : MustAsk(
           server, "scratch",
           "SELECT datname FROM pg_database d WHERE datname ~ '^pg_helloctl_scratch_[0-9a-f]{16}$'"
           " AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory'"
           " AND l.classid = " +
               std::string(kLockClass) +
               " AND l.objid::bigint = hashtext(datname::text)::bigint & 4294967295 AND l.objsubid "
               "= 2)")) {
    server.Finish(DropCommand(row[0].value_or("")));
  }
}

}  // namespace pg_hello::ctl
