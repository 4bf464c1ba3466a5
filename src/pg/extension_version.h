// Which version of the SQL objects this database has, beside the library's own.
#ifndef PG_HELLO_PG_EXTENSION_VERSION_H
#define PG_HELLO_PG_EXTENSION_VERSION_H

#include "pg_hello/shared/function_identity.h"

namespace pg_hello::pg {

// Watches what is done to the extension in every session, and shows its version in the database's
// row in shared memory. REQUIRES: the library is being loaded by the postmaster.
void WatchExtensionVersion();

// The version of this database's SQL objects; empty if there are none. REQUIRES: a transaction.
shared::ExtensionVersion ReadExtensionVersion();

// "1.1", or "1.1 (version mismatch: SQL objects are 1.0)". In the current memory context. REQUIRES:
// a transaction.
const char* DescribeVersions();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_EXTENSION_VERSION_H
