// A visitor: the short-lived background worker that lists the databases, or probes one of them.
#ifndef PG_HELLO_PG_PROBE_VISITOR_H
#define PG_HELLO_PG_PROBE_VISITOR_H

#include <cstdint>

namespace pg_hello::pg {

inline constexpr char kVisitorFunction[] = "pg_hello_probe_main";

// What it is told, in bgw_extra.
struct VisitorArguments {
  std::uint32_t lane;
  std::uint32_t ticket;
};

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_PROBE_VISITOR_H
