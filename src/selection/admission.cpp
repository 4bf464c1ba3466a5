// One pass: a snapshot's functions are in the order in which they came.
#include "pg_hello/selection/admission.h"

namespace pg_hello::selection {

namespace {

constexpr std::string_view kOwnExtension = "pg_hello";

bool IsAlwaysShown(Reason reason) { return reason == Reason::kOwn || reason == Reason::kPinned; }

}  // namespace

FunctionName NameOf(const snapshot::Snapshot& snapshot, const snapshot::FunctionStats& function) {
  return {snapshot.databases.at(function.database).datname, function.identity.schema,
          function.identity.function};
}

const char* ToString(Reason reason) {
  switch (reason) {
    case Reason::kOwn:
      return "own";
    case Reason::kPinned:
      return "pinned";
    case Reason::kBudget:
      return "budget";
    case Reason::kSuppressed:
      break;
  }
  return "suppressed";
}

Admission Admit(const snapshot::Snapshot& snapshot, const Budget& budget) {
  Admission admission;
  admission.functions.reserve(snapshot.functions.size());
  std::uint32_t came = 0;  // of those that need the budget
  for (const snapshot::FunctionStats& function : snapshot.functions) {
    Admitted admitted;
    if (function.identity.extension == kOwnExtension) {
      admitted.reason = Reason::kOwn;
    } else if (!budget.pinned.patterns.empty() &&
               budget.pinned.Matches(NameOf(snapshot, function))) {
      admitted.reason = Reason::kPinned;
    } else if (came < budget.max_functions) {
      admitted.reason = Reason::kBudget;
    }
    admitted.histogram =
        IsAlwaysShown(admitted.reason) || (admitted.exported() && came < budget.max_histograms);
    came += IsAlwaysShown(admitted.reason) ? 0 : 1;
    admission.exported += admitted.exported() ? 1 : 0;
    admission.histograms += admitted.histogram ? 1 : 0;
    admission.functions.push_back(admitted);
  }
  admission.suppressed = admission.functions.size() - admission.exported;
  return admission;
}

}  // namespace pg_hello::selection
