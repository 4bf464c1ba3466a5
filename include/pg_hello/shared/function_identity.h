// Who a function is: its key, and the names captured once when its row is made. All texts are valid
// UTF-8 and end with a NUL; whoever fills them in (src/pg/function_names.cpp) converts, repairs and
// cuts, and marks what was repaired or cut with "~oid" so that no two functions look the same.
#ifndef PG_HELLO_SHARED_FUNCTION_IDENTITY_H
#define PG_HELLO_SHARED_FUNCTION_IDENTITY_H

#include <cstdint>

namespace pg_hello::shared {

// Oids repeat across databases that were cloned from a template, so the database is part of the
// key. Functions of temporary schemas have one row per database and signature, not one a session:
// their funcid is 0 and `temp_hash`, a hash of the signature, is not.
struct FunctionKey {
  std::uint32_t dbid = 0;
  std::uint32_t funcid = 0;
  std::uint32_t temp_hash = 0;

  friend bool operator==(const FunctionKey&, const FunctionKey&) = default;
};

struct FunctionIdentity {
  char schema[128];
  char function[256];  // identity signature: "pg_hello(text)"
  char language[64];   // "plpgsql", "c", "sql", ...
  char extension[64];  // the extension it belongs to, or empty
  char kind;           // 'f' function, 'p' procedure, 'a' aggregate, 'w' window, 't' trigger
};

struct DatabaseName {
  char datname[128];
};

// Of the SQL objects in one database; empty if the extension is not there, or nobody has looked.
struct ExtensionVersion {
  char version[64];
};

}  // namespace pg_hello::shared

#endif  // PG_HELLO_SHARED_FUNCTION_IDENTITY_H
