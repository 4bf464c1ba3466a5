// Files that are either there as a whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace pg_hello::ctl {

// Writes it under another name in the same directory, makes it durable, and renames it, over a file
// that was there. The reason if that fails; then nothing is left behind. `mode` less the umask.
std::string WriteWholeFile(const std::string& path, std::string_view content, mode_t mode = 0666);

}  // namespace pg_hello::ctl
