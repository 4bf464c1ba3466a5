// Owners and modes of files on this machine.
#pragma once

#include <string>
#include <vector>

#include "ctl/finding.h"
#include "ctl/harden.h"

namespace pg_hello::ctl {

enum class FileUse {
  kProgram,  // the server runs it, or executes what it says: nobody but root should write to it
  kSecret,   // nobody but the server should read it
};

// Adds the finding about it, and the changes that make it as it should be. Owners are changed by
// root alone.
void CheckFile(const std::string& path, FileUse use, Findings& findings, std::vector<Change>& plan);

}  // namespace pg_hello::ctl
