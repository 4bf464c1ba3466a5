// The extension's installed files, and what the server is set to, as they go into a backup.
#pragma once

#include <filesystem>
#include <string>

#include "ctl/session.h"
#include "ctl/tools.h"

namespace pg_hello::ctl {

// Both make a directory in `backup` and throw a Failure.

// extension/: the library and the files of sharedir/extension, as the server reads them, wherever
// it runs. Takes a superuser. Returns how many there are.
int SaveExtensionFiles(Session& server, const std::filesystem::path& backup);

// server/settings.json: what is not the default; server/globals.sql: roles without their passwords,
// who is in them, tablespaces, and settings by role.
void SaveServerSettings(Session& server, const Tools& tools, const std::filesystem::path& backup);

}  // namespace pg_hello::ctl
