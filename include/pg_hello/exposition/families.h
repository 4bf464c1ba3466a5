// From a snapshot to metric families: which number goes under which name. Separate from the formats
// so that each of them exposes the same things.
#ifndef PG_HELLO_EXPOSITION_FAMILIES_H
#define PG_HELLO_EXPOSITION_FAMILIES_H

#include <cstddef>

#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// Writes every family of kFamilies, in that order and also if it has no sample, and returns the
// number of samples.
//
// No two series are equal, whatever the names are: if a function's labels have been used by an
// earlier function of the snapshot, "~<funcid>" is appended to its `function` label, and if that is
// taken too, "~2", "~3", ... after it. As rows keep their order, so do the names.
//
// Throws what the writer throws, std::bad_alloc, and std::out_of_range if a function's database is
// not in the snapshot.
std::size_t WriteFamilies(const snapshot::Snapshot& snapshot, FamilyWriter& writer);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FAMILIES_H
