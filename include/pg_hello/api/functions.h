// The functions of a snapshot as JSON, for programs that want to ask rather than to scrape: every
// tracked function, whatever /metrics shows. The fields are in docs/api.md and, for machines, in
// docs/api.schema.json; a field's name ends with its unit if it has one.
#ifndef PG_HELLO_API_FUNCTIONS_H
#define PG_HELLO_API_FUNCTIONS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg_hello/selection/admission.h"
#include "pg_hello/selection/filter.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::api {

inline constexpr char kJsonContentType[] = "application/json";
inline constexpr std::size_t kDefaultLimit = 100;
inline constexpr std::size_t kMaxLimit = 1000;

// Which functions, and in which order. Equal ones stay in the order in which they came.
struct ListQuery {
  selection::Filter filter;
  std::size_t sort = 0;  // index of a sort key; 0 is the first, inclusive_ns
  bool descending = true;
  std::size_t limit = kDefaultLimit;
};

struct ParsedListQuery {
  ListQuery query;
  std::string fault;  // a sentence, without anything of the request; empty if all is well
};

// From query parameters, decoded: sort=, order=, limit= (the last of a name counts) and those of a
// Filter. Others are ignored. May throw std::bad_alloc.
ParsedListQuery ParseListQuery(const std::vector<std::pair<std::string, std::string>>& params);

// Texts are JSON in UTF-8 with a line feed at the end. Throw std::bad_alloc, and std::out_of_range
// for a snapshot that contradicts itself.

std::string ListJson(const snapshot::Snapshot& snapshot, const selection::Budget& budget,
                     const ListQuery& query);

// One function with its histogram; none if there is no such function. Functions of temporary
// schemas have no funcid of their own, and cannot be asked for.
std::optional<std::string> FunctionJson(const snapshot::Snapshot& snapshot,
                                        const selection::Budget& budget, std::string_view datname,
                                        std::uint32_t funcid);

// {"error": "..."}
std::string ErrorJson(std::string_view sentence);

}  // namespace pg_hello::api

#endif  // PG_HELLO_API_FUNCTIONS_H
