// Reads catalogs only through their indexes and caches, and calls three functions.
#include "pg/probe_calls.h"

#include <cstdio>
#include <cstring>

#include "pg/extension_version.h"
#include "pg/function_names.h"
#include "pg/shared_memory.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

namespace pg_hello::pg {

namespace {

constexpr char kGuest[] = "probe";

struct Signature {
  const char* name;
  Oid argument;  // InvalidOid: none
  Oid result;
};

struct Callee {
  Oid oid;  // InvalidOid: there is none
  Oid owner;
};

// How a Datum is passed and read depends on all of this.
bool Fits(Form_pg_proc procedure, const Signature& wanted) {
  const int arguments = OidIsValid(wanted.argument) ? 1 : 0;
  return procedure->prokind == PROKIND_FUNCTION && !procedure->proretset &&
         procedure->prorettype == wanted.result && procedure->pronargs == arguments &&
         (arguments == 0 || procedure->proargtypes.values[0] == wanted.argument) &&
         std::strcmp(NameStr(procedure->proname), wanted.name) == 0;
}

Callee CalleeIfFits(Oid function, const Signature& wanted) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) {
    return {InvalidOid, InvalidOid};
  }
  auto* procedure = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
  const Callee callee = Fits(procedure, wanted) ? Callee{function, procedure->proowner}
                                                : Callee{InvalidOid, InvalidOid};
  ReleaseSysCache(tuple);
  return callee;
}

// The extension's member of this signature.
Callee FindMember(const Signature& wanted) {
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(ExtensionRelationId));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(get_extension_oid("pg_hello", false)));
  Callee found{InvalidOid, InvalidOid};
  Relation depend = table_open(DependRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
  for (HeapTuple tuple;
       !OidIsValid(found.oid) && HeapTupleIsValid(tuple = systable_getnext(scan));) {
    auto* form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (form->classid == ProcedureRelationId && form->deptype == DEPENDENCY_EXTENSION) {
      found = CalleeIfFits(form->objid, wanted);
    }
  }
  systable_endscan(scan);
  table_close(depend, AccessShareLock);
  return found;
}

// Calls the member and times that. False if there is none; errors are the caller's, as is putting
// back the user by aborting the transaction then.
bool CallMember(const Signature& wanted, Datum argument, shared::ProbeOutcome* outcome,
                Datum* result) {
  const Callee callee = FindMember(wanted);
  if (!OidIsValid(callee.oid)) {
    strlcpy(outcome->text, "the extension has no such function", sizeof(outcome->text));
    return false;
  }
  Oid user = InvalidOid;
  int context = 0;
  GetUserIdAndSecContext(&user, &context);
  SetUserIdAndSecContext(callee.owner, context | SECURITY_RESTRICTED_OPERATION);
  const int settings_level = NewGUCNestLevel();
  const std::uint64_t began_ns = measure::MonotonicNs();
  *result = OidIsValid(wanted.argument)
                ? OidFunctionCall1Coll(callee.oid, DEFAULT_COLLATION_OID, argument)
                : OidFunctionCall0Coll(callee.oid, DEFAULT_COLLATION_OID);
  outcome->duration_ns = measure::MonotonicNs() - began_ns;
  AtEOXact_GUC(false, settings_level);
  SetUserIdAndSecContext(user, context);
  return true;
}

void ExpectThat(bool right, shared::ProbeOutcome* outcome) {
  if (!right) {
    strlcpy(outcome->text, "the function returned a wrong value", sizeof(outcome->text));
  }
}

void Override(const char* setting, const char* value) {
  if (GetConfigOption(setting, true, false) != nullptr) {
    SetConfigOption(setting, value, PGC_SUSET, PGC_S_OVERRIDE);
  }
}

}  // namespace

void NeutralizeSettings() {
  Override("role", "none");
  Override("search_path", "pg_catalog, pg_temp");
  Override("default_transaction_isolation", "read committed");
  Override("default_transaction_deferrable", "off");
  Override("default_transaction_read_only", "on");
  Override("statement_timeout", "0");
  Override("lock_timeout", "0");
  Override("idle_in_transaction_session_timeout", "0");
  Override("transaction_timeout", "0");  // from 17 on
  Override("pg_hello.track", "none");
  Override("pg_hello.repeat", "1");
}

void ProbeExtension(shared::VisitReport* report, shared::ProbeOutcome* outcome) {
  NameDatabase(MyDatabaseId, &report->name);
  const shared::ExtensionVersion version = ReadExtensionVersion();
  report->no_extension = version.version[0] == '\0';
  if (report->no_extension) {
    strlcpy(outcome->text, "the extension is not installed in this database",
            sizeof(outcome->text));
  }
  const TableLock lock(LW_EXCLUSIVE);
  if (!report->no_extension) {
    shared_stats->FindOrInsertDatabase(MyDatabaseId, report->name);
  }
  shared_stats->ShowExtensionVersion(MyDatabaseId, version);
}

void ProbeVersion(shared::VisitReport*, shared::ProbeOutcome* outcome) {
  const shared::ExtensionVersion version = ReadExtensionVersion();
  if (std::strcmp(version.version, PG_HELLO_VERSION) != 0) {
    std::snprintf(outcome->text, sizeof(outcome->text),
                  "the library is " PG_HELLO_VERSION ", the SQL objects are %s", version.version);
  }
}

void ProbeGreet(shared::VisitReport*, shared::ProbeOutcome* outcome) {
  Datum greeting{};
  if (CallMember({"pg_hello", TEXTOID, TEXTOID}, CStringGetTextDatum(kGuest), outcome, &greeting)) {
    ExpectThat(std::strcmp(TextDatumGetCString(greeting), "Hello, probe!") == 0, outcome);
  }
}

void ProbeNowMs(shared::VisitReport*, shared::ProbeOutcome* outcome) {
  const std::int64_t before_ms = UnixTimeUs() / 1000;
  Datum now_ms{};
  if (CallMember({"now_ms", InvalidOid, INT8OID}, Datum{}, outcome, &now_ms)) {
    ExpectThat(DatumGetInt64(now_ms) >= before_ms && DatumGetInt64(now_ms) <= UnixTimeUs() / 1000,
               outcome);
  }
}

void ProbeSpiVersion(shared::VisitReport*, shared::ProbeOutcome* outcome) {
  Datum version{};
  if (CallMember({"spi_version", InvalidOid, TEXTOID}, Datum{}, outcome, &version)) {
    constexpr char kBegin[] = "PostgreSQL ";
    ExpectThat(std::strncmp(TextDatumGetCString(version), kBegin, sizeof(kBegin) - 1) == 0,
               outcome);
  }
}

}  // namespace pg_hello::pg
