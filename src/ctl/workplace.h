// What every step of long work on one server needs.
#pragma once

#include <string>

#include "ctl/conninfo.h"
#include "ctl/failure.h"
#include "ctl/progress.h"
#include "ctl/session.h"
#include "ctl/tools.h"

namespace pg_hello::ctl {

struct Workplace {
  const Target& target;
  Session& server;  // connected to a database that is not worked on
  const Tools& tools;
  StepLog& progress;
};

// Does it; a Failure that it throws is one about this database.
template <typename Work>
auto About(const std::string& database, const Work& work) {
  try {
    return work();
  } catch (const Failure& failure) {
    Finding finding = failure.finding();
    finding.database = database;
    throw Failure(finding);
  }
}

}  // namespace pg_hello::ctl
