// The one place that decides it: for the hooks, and for pg_hello_skipped.
#include "pg/tracking_rules.h"

#include <cstring>
#include <iterator>

#include "pg/function_names.h"
#include "pg/inlining.h"
#include "pg/settings.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
}

namespace pg_hello::pg {

namespace {

bool IsProceduralLanguage(Oid language) {
  return language != INTERNALlanguageId && language != ClanguageId && language != SQLlanguageId;
}

// An encoding conversion, by the arguments that CREATE CONVERSION asks for. The server calls these
// also outside transactions, where a hooked function crashes it: its hook path looks up catalogs.
bool IsConversion(Form_pg_proc form) {
  static constexpr Oid kArguments[] = {INT4OID, INT4OID, CSTRINGOID, INTERNALOID, INT4OID, BOOLOID};
  return form->pronargs == static_cast<int16>(std::size(kArguments)) &&
         std::memcmp(form->proargtypes.values, kArguments, sizeof(kArguments)) == 0;
}

bool IsAskedFor(Form_pg_proc form) {
  switch (settings.track) {
    case kTrackNone:
      return false;
    case kTrackOwn:
      return IsOwnFunction(form->oid);
    case kTrackPl:
      return IsProceduralLanguage(form->prolang) || IsOwnFunction(form->oid);
    default:
      return true;
  }
}

}  // namespace

Rule RuleFor(HeapTuple procedure) {
  auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure));
  if (form->oid < kFirstUserFunction) {
    return Rule::kBuiltIn;
  }
  if (form->prokind == PROKIND_AGGREGATE) {
    return Rule::kAggregate;
  }
  if (form->prorettype == LANGUAGE_HANDLEROID) {
    return Rule::kHandler;
  }
  if (IsConversion(form)) {
    return Rule::kConversion;
  }
  if (!IsAskedFor(form)) {
    return Rule::kSetting;
  }
  const bool left_to_planner = settings.track == kTrackAll && form->prolang == SQLlanguageId &&
                               !settings.track_inlinable && MayBeInlined(procedure);
  return left_to_planner ? Rule::kInlinable : Rule::kTracked;
}

}  // namespace pg_hello::pg
