// Work of ours inside queries of others, who have not asked for it: what it raises stays here.
//
// Catalog look-ups and allocations can fail wherever they are done: memory, files, locks. The
// function manager's hooks and those of commits and DDL run in the middle of users' statements,
// which must have their result all the same.
#ifndef PG_HELLO_PG_CONTAINED_H
#define PG_HELLO_PG_CONTAINED_H

namespace pg_hello::pg {

// Counts something that could not be done, with the reason as a SQLSTATE (ERRCODE_...).
void CountInternalError(int sqlstate);

// What Contained() does, with one argument.
bool RunContained(void (*work)(void*), void* argument);

// Runs `work`. If it raises an error, everything that it held is given back, the error is counted
// and forgotten, and the answer is false; what `work` had written by then stays. REQUIRES: a
// transaction, and shared memory; no object with a destructor lives in `work` over what can fail.
//
// Passed on, and counted, is what the query's user or the server wants: a cancel, the end of the
// session, a conflict with recovery. And any error while the caller holds a lock of the kind that
// is given back only all at once (LWLocks: an index's support function is called with a page
// locked).
template <typename Work>
bool Contained(Work work) {
  return RunContained([](void* it) { (*static_cast<Work*>(it))(); }, &work);
}

}  // namespace pg_hello::pg

#endif  // PG_HELLO_PG_CONTAINED_H
