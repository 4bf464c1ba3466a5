// What a request to /metrics asks for, and what it gets of what may be shown.
#ifndef PG_HELLO_EXPOSITION_METRICS_QUERY_H
#define PG_HELLO_EXPOSITION_METRICS_QUERY_H

#include <bitset>
#include <string>
#include <string_view>

#include "pg_hello/exposition/families.h"
#include "pg_hello/exposition/metric_catalog.h"
#include "pg_hello/selection/admission.h"
#include "pg_hello/selection/filter.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

class MetricsQuery {
 public:
  // Takes a query parameter over: "name[]", a glob for families, or one of a Filter's. Others are
  // ignored. Returns a sentence that says what is wrong with it, in which nothing of the request
  // appears; empty if nothing is. May throw std::bad_alloc.
  std::string Add(std::string_view parameter, std::string_view value);

  // A family is chosen by its own name or by that of any of its series, in any format.
  bool Chooses(const Family& family) const;
  // What the families that it chooses need.
  snapshot::Detail detail() const;
  const selection::Filter& functions() const { return functions_; }

 private:
  bool all_families_ = true;  // no name was given
  std::bitset<kFamilyCount> families_;
  selection::Filter functions_;
};

// What is shown of `snapshot`: of what the budget admits, what the query chooses. What was admitted
// is counted whatever the query says. Throws what selection::Admit() does.
Options MakeOptions(const snapshot::Snapshot& snapshot, const selection::Budget& budget,
                    const MetricsQuery& query = {});

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_METRICS_QUERY_H
