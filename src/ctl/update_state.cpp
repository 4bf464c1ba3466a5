#include "ctl/update_state.h"

#include <nlohmann/json.hpp>

#include "ctl/failure.h"
#include "ctl/files.h"

namespace pg_hello::ctl {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(UpdateState, system_identifier, target_version, backup, done)

std::optional<UpdateState> ReadUpdateState(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    return nlohmann::json::parse(ReadFile(file)).get<UpdateState>();
  } catch (const nlohmann::json::exception&) {
    throw Failure("state", file.string() + " is not the state of an update",
                  "give another file with --state, or remove it");
  }
}

void WriteUpdateState(const std::filesystem::path& file, const UpdateState& state) {
  const nlohmann::json json = state;
  WriteFile(file, json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace pg_hello::ctl
