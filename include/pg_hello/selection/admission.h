// Which functions /metrics shows. A function that is shown costs its series for as long as
// Prometheus keeps them, so there is a budget; and a series that comes and goes is worse than none,
// so the budget goes to those that came first and is not handed on while they are there: until they
// are dropped or reset. The extension's own functions and the pinned ones are shown in any case and
// take nothing from the budget.
//
// A pure function of the snapshot and the settings, so that all formats agree, and that a setting
// works from the next scrape on.
#ifndef PG_HELLO_SELECTION_ADMISSION_H
#define PG_HELLO_SELECTION_ADMISSION_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pg_hello/selection/function_pattern.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::selection {

// pg_hello.metrics_*
struct Budget {
  std::uint32_t max_functions = 1000;
  std::uint32_t max_histograms = 200;  // in formats that have classic histograms only
  PatternList pinned;
};

enum class Reason : std::uint8_t {
  kOwn,         // of the extension pg_hello
  kPinned,      // matches pg_hello.metrics_pinned
  kBudget,      // among the first
  kSuppressed,  // not shown
};

// "own", "pinned", "budget", "suppressed"
const char* ToString(Reason reason);

struct Admitted {
  Reason reason = Reason::kSuppressed;
  bool histogram = false;  // a classic one too; never without the function itself

  bool exported() const { return reason != Reason::kSuppressed; }
};

struct Admission {
  std::vector<Admitted> functions;  // in the order of Snapshot::functions
  std::size_t exported = 0;
  std::size_t suppressed = 0;
  std::size_t histograms = 0;
};

// May throw std::bad_alloc, and std::out_of_range if a function's database is not in the snapshot.
Admission Admit(const snapshot::Snapshot& snapshot, const Budget& budget);

FunctionName NameOf(const snapshot::Snapshot& snapshot, const snapshot::FunctionStats& function);

}  // namespace pg_hello::selection

#endif  // PG_HELLO_SELECTION_ADMISSION_H
