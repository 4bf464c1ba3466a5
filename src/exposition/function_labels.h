// What a writer has been told of functions' names. Names change rarely and counters always, so both
// are kept from one scrape to the next, for as long as the snapshots have the same series.
#ifndef PG_HELLO_EXPOSITION_FUNCTION_LABELS_H
#define PG_HELLO_EXPOSITION_FUNCTION_LABELS_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "exposition/unique_names.h"
#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// The label sets that one writer has of functions. Not thread-safe.
class FunctionLabels {
 public:
  // `writer` must outlive it. For this snapshot and all that it fits. Throws as UniqueNames does.
  FunctionLabels(const snapshot::Snapshot& snapshot, FamilyWriter& writer);

  bool Fits(const snapshot::Snapshot& snapshot) const {
    return series_version_ != 0 && snapshot.series_version == series_version_;
  }

  // That of a function of the snapshot, made when it is asked for first. REQUIRES: a snapshot that
  // it fits, or that it was made for. May throw std::bad_alloc.
  FamilyWriter::LabelSet Of(const snapshot::Snapshot& snapshot, std::size_t index) {
    FamilyWriter::LabelSet& set = sets_[index];
    if (set == FamilyWriter::kNoLabels) {
      set = Add(snapshot, index);
    }
    return set;
  }

 private:
  FamilyWriter::LabelSet Add(const snapshot::Snapshot& snapshot, std::size_t index);

  FamilyWriter& writer_;
  const std::uint64_t series_version_;
  const UniqueNames names_;
  std::vector<FamilyWriter::LabelSet> sets_;  // by function; kNoLabels: not made yet
};

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_FUNCTION_LABELS_H
