#include "pg_hello/selection/filter.h"

#include <algorithm>

#include "pg_hello/selection/glob.h"

namespace pg_hello::selection {

namespace {

bool AnyMatches(const std::vector<std::string>& globs, std::string_view text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [text](const std::string& glob) {
           return GlobMatches(glob, text);
         });
}

}  // namespace

bool Filter::Add(std::string_view parameter, std::string_view value, const char** fault) {
  std::vector<std::string>* globs = parameter == "datname"    ? &datnames_
                                    : parameter == "schema"   ? &schemas_
                                    : parameter == "function" ? &functions_
                                                              : nullptr;
  if (globs == nullptr) {
    return true;
  }
  *fault = GlobFault(value);
  if (*fault != nullptr) {
    return false;
  }
  globs->push_back(globs == &functions_ ? FunctionGlob(value) : std::string(value));
  return true;
}

bool Filter::Matches(const FunctionName& name) const {
  return AnyMatches(datnames_, name.datname) && AnyMatches(schemas_, name.schema) &&
         AnyMatches(functions_, name.function);
}

}  // namespace pg_hello::selection
