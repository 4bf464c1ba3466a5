// How far an update of many databases has come, in a file, so that it can go on after an
// interruption.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pg_hello::ctl {

struct UpdateState {
  std::string system_identifier = {};  // of the server
  std::string target_version = {};
  std::string backup = {};             // empty: none was made
  std::vector<std::string> done = {};  // databases
};

// None: there is no such file. Throws a Failure if it is something else.
std::optional<UpdateState> ReadUpdateState(const std::filesystem::path& file);

// Durably. Throws a Failure.
void WriteUpdateState(const std::filesystem::path& file, const UpdateState& state);

}  // namespace pg_hello::ctl
