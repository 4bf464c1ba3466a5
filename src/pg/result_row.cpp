// Kept apart from the functions that return rows: how values become Datums is the same for all.
#include "pg/result_row.h"

#include <cstring>

#include "pg/shared_memory.h"

extern "C" {
#include "catalog/namespace.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

namespace pg_hello::pg {

namespace {

void ReplaceBeyondAscii(unsigned char* target, const unsigned char* source, int length) {
  for (int i = 0; i < length; ++i) {
    target[i] = IS_HIGHBIT_SET(source[i]) ? '?' : source[i];
  }
  target[length] = '\0';
}

text* ToServerText(const char* utf8) {
  const int encoding = GetDatabaseEncoding();
  const auto length = static_cast<int>(std::strlen(utf8));
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || length == 0) {
    return cstring_to_text_with_len(utf8, length);
  }
  const Oid conversion = FindDefaultConversionProc(PG_UTF8, encoding);
  const int room = length * MAX_CONVERSION_GROWTH + 1;
  auto* converted = static_cast<unsigned char*>(palloc(static_cast<Size>(room)));
  auto* source = reinterpret_cast<unsigned char*>(pstrdup(utf8));
  if (!OidIsValid(conversion) ||
      pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, source, length, converted, room,
                                    true) < length) {
    ReplaceBeyondAscii(converted, source, length);
  }
  return cstring_to_text(reinterpret_cast<const char*>(converted));
}

}  // namespace

void ResultRow::Add(Datum value) {
  values_[size_] = value;
  nulls_[size_++] = false;
}

void ResultRow::AddNull() {
  values_[size_] = Datum{0};
  nulls_[size_++] = true;
}

void ResultRow::AddOid(std::uint32_t value) { Add(ObjectIdGetDatum(value)); }
void ResultRow::AddOidOrNull(std::uint32_t value) { value != 0 ? AddOid(value) : AddNull(); }
void ResultRow::AddInteger(std::int32_t value) { Add(Int32GetDatum(value)); }
void ResultRow::AddBigInteger(std::uint64_t value) {
  Add(Int64GetDatum(static_cast<std::int64_t>(value)));
}
void ResultRow::AddBoolean(bool value) { Add(BoolGetDatum(value)); }
void ResultRow::AddDouble(double value) { Add(Float8GetDatum(value)); }
void ResultRow::AddMilliseconds(double ns) { AddDouble(ns / 1e6); }
void ResultRow::AddMillisecondsIf(bool known, double ns) {
  known ? AddMilliseconds(ns) : AddNull();
}
void ResultRow::AddText(const char* utf8) { Add(PointerGetDatum(ToServerText(utf8))); }
void ResultRow::AddTextOrNull(const char* utf8) { utf8[0] != '\0' ? AddText(utf8) : AddNull(); }
void ResultRow::AddTimestamp(std::int64_t unix_us) {
  unix_us != 0 ? Add(TimestampTzGetDatum(ToTimestampTz(unix_us))) : AddNull();
}

void ResultRow::PutInto(ReturnSetInfo* result) {
  Assert(size_ == result->setDesc->natts);
  tuplestore_putvalues(result->setResult, result->setDesc, values_, nulls_);
  size_ = 0;
}

}  // namespace pg_hello::pg
