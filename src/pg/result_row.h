// One row of a set-returning function's result, filled from left to right.
#ifndef PG_HELLO_PG_RESULT_ROW_H
#define PG_HELLO_PG_RESULT_ROW_H

#include <cstddef>
#include <cstdint>

#include "pg/pg.h"

extern "C" {
#include "nodes/execnodes.h"
}

namespace pg_hello::pg {

// UTF-8 in the server's encoding. A character that this encoding does not have becomes a question
// mark; no error is raised.
text* ToServerText(const char* utf8, std::size_t length);

// A value without anything to destroy: errors may jump over it. Memory is the current context's.
class ResultRow {
 public:
  void AddNull();
  void AddOid(std::uint32_t value);
  void AddInteger(std::int32_t value);
  void AddBigInteger(std::uint64_t value);
  void AddBoolean(bool value);
  void AddDouble(double value);
  // From nanoseconds to milliseconds, the unit of core's statistics views.
  void AddMilliseconds(double ns);
  void AddMillisecondsIf(bool known, double ns);
  void AddText(const char* utf8);           // by ToServerText()
  void AddTextOrNull(const char* utf8);     // empty is null
  void AddTimestamp(std::int64_t unix_us);  // 0 is null
  void AddDatum(Datum value);

  // Appends the row, which must be complete, and starts a new one.
  void PutInto(ReturnSetInfo* result);

 private:
  static constexpr int kMaxColumns = 40;

  void Add(Datum value);

  Datum values_[kMaxColumns];
  bool nulls_[kMaxColumns];
  int size_ = 0;
};

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_RESULT_ROW_H
