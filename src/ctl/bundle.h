// What somebody else needs to look into a server's troubles, in one archive, without secrets.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctl/conninfo.h"
#include "ctl/finding.h"

namespace pg_hello::ctl {

// Names and contents of files.
using BundleFiles = std::vector<std::pair<std::string, std::string>>;

// Collects what can be seen; what cannot says why in its place. No statement of a user's, no value
// of a text setting that is not known to be harmless, and no file's content but the log's messages.
BundleFiles CollectBundle(const Target& target, const Findings& findings);

// As a tar.gz, whose files are in one directory of this name. Empty: there was no memory for it.
std::string Pack(const BundleFiles& files, const std::string& directory);

// The text with *** in place of what follows "password=", "token:" and the like, of what is between
// quotes after PASSWORD, of passwords in URIs, and of bearer tokens.
std::string WithoutSecrets(std::string_view text);

}  // namespace pg_hello::ctl
