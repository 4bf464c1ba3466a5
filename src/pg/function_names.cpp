// Kept apart because it is all that the shell knows of names: catalogs, quoting, encodings. Every
// text leaves here as valid UTF-8; what had to be repaired or cut for that is marked with "~oid",
// so that two functions never end up with the same name.
#include "pg/function_names.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "pg/contained.h"
#include "pg_hello/measure/utf8.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/proclang.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace pg_hello::pg {

namespace {

// Copies valid UTF-8 of `source` into `target`. True if something was replaced or cut off.
bool CopyValidUtf8(char* target, std::size_t size, std::string_view source) noexcept {
  try {
    bool repaired = false;
    const std::string valid = measure::ToValidUtf8(source, &repaired);
    const std::size_t length = measure::Utf8CutLength(valid, size - 1);
    std::memcpy(target, valid.data(), length);
    target[length] = '\0';
    return repaired || length < valid.size();
  } catch (...) {
    CountInternalError(ERRCODE_OUT_OF_MEMORY);
    target[0] = '?';
    target[1] = '\0';
    return true;
  }
}

// The same for a text in the server's encoding. Converting never raises an error here: what cannot
// be converted is taken for what it is not, UTF-8, and repaired as such.
template <std::size_t kSize>
bool CopyServerText(char (&target)[kSize], const char* text) {
  const int length = static_cast<int>(std::strlen(text));
  const int encoding = GetDatabaseEncoding();
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || length == 0) {
    return CopyValidUtf8(target, kSize, {text, static_cast<std::size_t>(length)});
  }
  const Oid conversion = FindDefaultConversionProc(encoding, PG_UTF8);
  if (!OidIsValid(conversion)) {
    return CopyValidUtf8(target, kSize, {text, static_cast<std::size_t>(length)});
  }
  const int room = length * MAX_CONVERSION_GROWTH + 1;
  auto* converted = static_cast<unsigned char*>(palloc(static_cast<Size>(room)));
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(text));
  const int done = pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8, bytes, length,
                                                 converted, room, true);
  const bool lossy = CopyValidUtf8(target, kSize, reinterpret_cast<const char*>(converted));
  pfree(converted);
  return lossy || done < length;
}

// Ends `target` with "~oid", in place of its last characters if there is no room.
template <std::size_t kSize>
void Mark(char (&target)[kSize], std::uint32_t oid) {
  char mark[16];
  const int length = std::snprintf(mark, sizeof(mark), "~%u", oid);
  const std::size_t kept =
      measure::Utf8CutLength(target, kSize - 1 - static_cast<std::size_t>(length));
  std::memcpy(target + kept, mark, static_cast<std::size_t>(length) + 1);
}

// A type as format_type() prints it where nothing but pg_catalog is on the search path.
const char* TypeName(Oid type) {
  static constexpr char kCatalog[] = "pg_catalog.";
  const char* name = format_type_be_qualified(type);
  return std::strncmp(name, kCatalog, sizeof(kCatalog) - 1) == 0 ? name + sizeof(kCatalog) - 1
                                                                 : name;
}

// name(type,type): as regprocedure prints it, without the schema, and the same in every session,
// whatever its search_path.
char* IdentitySignature(Form_pg_proc form) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfo(&text, "%s(", quote_identifier(NameStr(form->proname)));
  for (int i = 0; i < form->pronargs; ++i) {
    appendStringInfo(&text, "%s%s", i > 0 ? "," : "", TypeName(form->proargtypes.values[i]));
  }
  appendStringInfoChar(&text, ')');
  return text.data;
}

char KindOf(Form_pg_proc form) {
  const bool trigger = form->prorettype == TRIGGEROID || form->prorettype == EVENT_TRIGGEROID;
  return trigger ? 't' : form->prokind;
}

}  // namespace

void NameFunction(HeapTuple procedure, NamedFunction* named) {
  // Everything that is formatted on the way goes with this context.
  MemoryContext scratch =
      AllocSetContextCreate(CurrentMemoryContext, "pg_hello names", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(scratch);

  auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(procedure));
  shared::FunctionIdentity& identity = named->identity;
  std::memset(&identity, 0, sizeof(identity));

  const bool temporary = isAnyTempNamespace(form->pronamespace);
  const char* schema = temporary ? "pg_temp" : get_namespace_name(form->pronamespace);
  const char* language = get_language_name(form->prolang, true);
  const Oid extension = getExtensionOfObject(ProcedureRelationId, form->oid);
  const char* extension_name = OidIsValid(extension) ? get_extension_name(extension) : nullptr;
  // The names must not depend on what the session has set for what it prints.
  const bool quote_all = quote_all_identifiers;
  char* volatile signature = nullptr;
  PG_TRY();
  {
    quote_all_identifiers = false;
    signature = IdentitySignature(form);
  }
  PG_FINALLY();
  { quote_all_identifiers = quote_all; }
  PG_END_TRY();

  bool lossy = CopyServerText(identity.schema, schema != nullptr ? schema : "");
  lossy |= CopyServerText(identity.function, signature);
  CopyServerText(identity.language, language != nullptr ? language : "");
  CopyServerText(identity.extension, extension_name != nullptr ? extension_name : "");
  identity.kind = KindOf(form);

  named->key = {};
  named->key.dbid = MyDatabaseId;
  if (temporary) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(signature);
    named->key.temp_hash = hash_bytes(bytes, static_cast<int>(std::strlen(signature))) | 1;
  } else {
    named->key.funcid = form->oid;
  }
  if (lossy) {
    Mark(identity.function, temporary ? named->key.temp_hash : form->oid);
  }

  MemoryContextSwitchTo(caller);
  MemoryContextDelete(scratch);
}

void NameDatabase(Oid database, shared::DatabaseName* name) {
  std::memset(name, 0, sizeof(*name));
  char* datname = get_database_name(database);
  if (CopyServerText(name->datname, datname != nullptr ? datname : "")) {
    Mark(name->datname, database);
  }
  if (datname != nullptr) {
    pfree(datname);
  }
}

void NameListedDatabase(Oid database, const char* datname, shared::DatabaseName* name) {
  std::memset(name, 0, sizeof(*name));
  if (CopyValidUtf8(name->datname, sizeof(name->datname), datname)) {
    Mark(name->datname, database);
  }
}

void NameExtensionVersion(const char* extversion, shared::ExtensionVersion* version) {
  std::memset(version, 0, sizeof(*version));
  CopyServerText(version->version, extversion);
}

bool IsOwnFunction(Oid function) {
  const Oid extension = getExtensionOfObject(ProcedureRelationId, function);
  if (!OidIsValid(extension)) {
    return false;
  }
  char* name = get_extension_name(extension);
  const bool own = name != nullptr && std::strcmp(name, "pg_hello") == 0;
  if (name != nullptr) {
    pfree(name);
  }
  return own;
}

}  // namespace pg_hello::pg
