// What the answers of this room have in common.
#ifndef PG_HELLO_API_JSON_TEXT_H
#define PG_HELLO_API_JSON_TEXT_H

#include <charconv>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "pg_hello/api/functions.h"

namespace pg_hello::api {

using Json = nlohmann::ordered_json;

// Names come from shared memory as valid UTF-8; should one not be, the answer must not fail.
inline std::string TextOf(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Null, or what is wrong with the value, as the end of a sentence.
inline const char* ReadLimit(std::string_view value, std::size_t* limit) {
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, *limit);
  const bool valid = !value.empty() && error == std::errc{} && end == last;
  return valid && *limit >= 1 && *limit <= kMaxLimit ? nullptr : "is no number from 1 to 1000";
}

inline std::string FaultSentence(std::string_view parameter, const char* fault) {
  return std::string("The value of the parameter ").append(parameter) + " " + fault + ".";
}

}  // namespace pg_hello::api

#endif  // PG_HELLO_API_JSON_TEXT_H
