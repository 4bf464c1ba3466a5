// PostgreSQL's own programs.
#pragma once

#include <string>

#include "ctl/process.h"
#include "ctl/session.h"

namespace pg_hello::ctl {

class Tools {
 public:
  // `bindir`: where they are; empty: where pg_config says. For a server of this version: older
  // programs than the server cannot do this work. Throws a Failure.
  static Tools Find(std::string bindir, int server_version_num);

  // A program that connects as `connection` says, and asks for no password.
  Program Connected(const std::string& name, const ProgramConnection& connection,
                    std::vector<std::string> arguments) const;

  Program Plain(const std::string& name, std::vector<std::string> arguments) const;

 private:
  explicit Tools(std::string bindir) : bindir_(std::move(bindir)) {}

  std::string bindir_;
};

// From "pg_dump (PostgreSQL) 15.14 (Debian ...)": 15; 0 if it is something else.
int MajorVersionIn(const std::string& text);

}  // namespace pg_hello::ctl
