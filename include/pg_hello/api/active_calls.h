// The calls that run now as JSON. Names and numbers only: neither roles nor queries are in a
// snapshot. The fields are in docs/api.md and docs/api.schema.json.
#ifndef PG_HELLO_API_ACTIVE_CALLS_H
#define PG_HELLO_API_ACTIVE_CALLS_H

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "pg_hello/api/functions.h"
#include "pg_hello/selection/filter.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::api {

struct ActiveQuery {
  selection::Filter filter;
  std::size_t limit = kDefaultLimit;
};

struct ParsedActiveQuery {
  ActiveQuery query;
  std::string fault;  // a sentence, without anything of the request; empty if all is well
};

// From query parameters, decoded: limit= (the last one counts) and those of a Filter. Others are
// ignored. May throw std::bad_alloc.
ParsedActiveQuery ParseActiveQuery(const std::vector<std::pair<std::string, std::string>>& params);

// Those that have run longest come first; of calls that began together, the outer one. JSON in
// UTF-8 with a line feed at the end. Throws std::bad_alloc, and std::out_of_range for a snapshot
// that contradicts itself.
std::string ActiveJson(const snapshot::Snapshot& snapshot, const ActiveQuery& query);

}  // namespace pg_hello::api

#endif  // PG_HELLO_API_ACTIVE_CALLS_H
