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

text* ToServerText(const char* utf8, std::size_t length) {
  const int encoding = GetDatabaseEncoding();
  const auto size = static_cast<int>(length);
  if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || size == 0) {
    return cstring_to_text_with_len(utf8, size);
  }
  const Oid conversion = FindDefaultConversionProc(PG_UTF8, encoding);
  if (!OidIsValid(conversion)) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_FUNCTION),
             errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
                    pg_encoding_to_char(PG_UTF8), pg_encoding_to_char(encoding))));
  }
  // Converted up to the first character that cannot be, and on from the next one.
  StringInfoData converted;
  initStringInfo(&converted);
  auto* source = reinterpret_cast<unsigned char*>(const_cast<char*>(utf8));
  for (int done = 0; done < size;) {
    const int room = (size - done) * MAX_CONVERSION_GROWTH + 1;
    enlargeStringInfo(&converted, room);
    auto* target = reinterpret_cast<unsigned char*>(converted.data + converted.len);
    done += pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, source + done, size - done,
                                          target, room, true);
    converted.len += static_cast<int>(std::strlen(reinterpret_cast<const char*>(target)));
    if (done < size) {
      appendStringInfoChar(&converted, '?');
      done += pg_utf_mblen(source + done);
    }
  }
  return cstring_to_text_with_len(converted.data, converted.len);
}

void ResultRow::Add(Datum value) {
  values_[size_] = value;
  nulls_[size_++] = false;
}

void ResultRow::AddNull() {
  values_[size_] = Datum{0};
  nulls_[size_++] = true;
}

void ResultRow::AddOid(std::uint32_t value) { Add(ObjectIdGetDatum(value)); }
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
void ResultRow::AddText(const char* utf8) {
  Add(PointerGetDatum(ToServerText(utf8, std::strlen(utf8))));
}
void ResultRow::AddTextOrNull(const char* utf8) { utf8[0] != '\0' ? AddText(utf8) : AddNull(); }
void ResultRow::AddTimestamp(std::int64_t unix_us) {
  unix_us != 0 ? Add(TimestampTzGetDatum(ToTimestampTz(unix_us))) : AddNull();
}
void ResultRow::AddDatum(Datum value) { Add(value); }

void ResultRow::PutInto(ReturnSetInfo* result) {
  Assert(size_ == result->setDesc->natts);
  tuplestore_putvalues(result->setResult, result->setDesc, values_, nulls_);
  size_ = 0;
}

}  // namespace pg_hello::pg
