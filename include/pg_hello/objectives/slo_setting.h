// The setting pg_hello.slo:
//
//   setting    = [ slo { ";" slo } ]
//   slo        = name "=" objective "%" [ "<" threshold unit ] ":" patterns
//   name       = letters, digits, "_" and "-"
//   unit       = "us" | "ms" | "s"
//   patterns   = a list as in selection/function_pattern.h, in which a ";" outside of parentheses
//                needs a backslash
//
// "checkout = 99.9% < 250ms: shop:billing.*, public.transfer" says that of all calls of these
// functions 99.9 % shall neither fail nor take longer than 250 ms. Blanks between parts mean
// nothing.
#ifndef PG_HELLO_OBJECTIVES_SLO_SETTING_H
#define PG_HELLO_OBJECTIVES_SLO_SETTING_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg_hello/selection/function_pattern.h"

namespace pg_hello::objectives {

// What the operations guide asks of the extension's own functions.
inline constexpr char kDefaultSlos[] =
    "availability = 99.9%: *.pg_hello(text), *.now_ms(), *.spi_version(); "
    "latency = 95% < 10ms: *.pg_hello(text); "
    "errors = 99.9%: *.pg_hello*, *.now_ms(), *.spi_version(), *.update_greeting_config(integer)";

struct Slo {
  std::string name;
  std::string functions;            // as it was set
  selection::PatternList patterns;  // the same
  std::uint64_t objective_ppb = 0;  // parts per billion: more than 0, less than all
  // One of measure::kUpperBoundsNs, the one that is nearest by ratio to what was set, so at most
  // 4.5 % from it; 0: none.
  std::uint64_t threshold_ns = 0;
};

struct ParsedSlos {
  std::vector<Slo> slos;
  std::string fault;  // a sentence that says what is wrong; empty if nothing is
};

// May throw std::bad_alloc.
ParsedSlos ParseSlos(std::string_view setting);

}  // namespace pg_hello::objectives

#endif  // PG_HELLO_OBJECTIVES_SLO_SETTING_H
