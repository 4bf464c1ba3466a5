// The border between C++ exceptions and PostgreSQL's errors, for the SQL functions.
//
// An exception must not leave a function that C calls, and an error must not jump over a C++ object
// that owns something. So C++ work is done in Guarded(), which turns an exception into an error
// after the handler has been left; and C++ values that have to live while PostgreSQL is called are
// held by a memory context (MakeOwned), which destroys them when it goes, error or not.
#ifndef PG_HELLO_PG_GUARDED_H
#define PG_HELLO_PG_GUARDED_H

#include <exception>
#include <new>
#include <utility>

#include "pg/pg.h"

namespace pg_hello::pg {

// Runs `work`, which must not call anything that can raise an error.
template <typename Work>
void Guarded(Work work) {
  enum class Outcome { kDone, kOutOfMemory, kFailed } outcome = Outcome::kDone;
  try {
    work();
  } catch (const std::bad_alloc&) {
    outcome = Outcome::kOutOfMemory;
  } catch (...) {
    outcome = Outcome::kFailed;
  }
  switch (outcome) {
    case Outcome::kDone:
      return;
    case Outcome::kOutOfMemory:
      ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    case Outcome::kFailed:
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("unexpected exception in pg_hello")));
  }
}

// A T made by `make`, destroyed with the current memory context. The same rule for `make`.
template <typename T, typename Make>
T* MakeOwned(Make make) {
  auto* callback = static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
  T* made = nullptr;
  Guarded([&] { made = new T(make()); });
  callback->func = [](void* argument) { delete static_cast<T*>(argument); };
  callback->arg = made;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
  return made;
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_GUARDED_H
