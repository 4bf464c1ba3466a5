// A database under a temporary name, which is gone afterwards unless it was given a name of its
// own.
#pragma once

#include <string>

#include "ctl/manifest.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

class ScratchDatabase {
 public:
  // Throws a Failure. `server` must outlive it, and be connected to another database.
  ScratchDatabase(Session& server, const DatabaseProperties& properties);
  ~ScratchDatabase();
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  const std::string& name() const { return name_; }

  // It has been renamed: it stays.
  void Keep() { kept_ = true; }

 private:
  Session& server_;
  std::string name_;
  bool kept_ = false;
};

// Drops those that a pg_helloctl left which was killed. One that lives holds its databases.
void DropAbandonedScratch(Session& server);

}  // namespace pg_hello::ctl
