// Names, as the catalogs of the current database have them now, in UTF-8.
#ifndef PG_HELLO_PG_FUNCTION_NAMES_H
#define PG_HELLO_PG_FUNCTION_NAMES_H

#include "pg/pg.h"
#include "pg_hello/shared/function_identity.h"

extern "C" {
#include "access/htup.h"
}

namespace pg_hello::pg {

struct NamedFunction {
  shared::FunctionKey key;
  shared::FunctionIdentity identity;
};

// Fills `named` in from the function's pg_proc tuple. REQUIRES: a transaction. Looks up what
// fmgr_info() looks up as well, and errors of those look-ups (out of memory) go to the caller.
void NameFunction(HeapTuple procedure, NamedFunction* named);

// Name of a database; empty if there is none of this oid. REQUIRES: a transaction.
void NameDatabase(Oid database, shared::DatabaseName* name);

// The same from its pg_database row, for who is in no database and so in no encoding.
void NameListedDatabase(Oid database, const char* datname, shared::DatabaseName* name);

// What the current database's pg_extension has as the version of pg_hello.
void NameExtensionVersion(const char* extversion, shared::ExtensionVersion* version);

// Whether the function belongs to this extension. REQUIRES: a transaction.
bool IsOwnFunction(Oid function);

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_FUNCTION_NAMES_H
