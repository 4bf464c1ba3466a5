// Which version of the SQL objects this database has, beside the library's own.
#ifndef PG_HELLO_PG_EXTENSION_VERSION_H
#define PG_HELLO_PG_EXTENSION_VERSION_H

namespace pg_hello::pg {

// "1.1", or "1.1 (version mismatch: SQL objects are 1.0)". In the current memory context. REQUIRES:
// a transaction.
const char* DescribeVersions();

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_EXTENSION_VERSION_H
