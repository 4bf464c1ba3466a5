// The Prometheus text format 0.0.4, what /metrics answers unless asked for something else, and what
// SQL shows.
//
// Source: prometheus/docs, docs/instrumenting/exposition_formats.md, "Text-based format".
#ifndef PG_HELLO_EXPOSITION_TEXT_FORMAT_H
#define PG_HELLO_EXPOSITION_TEXT_FORMAT_H

#include <cstddef>
#include <memory>
#include <string>

#include "pg_hello/exposition/families.h"
#include "pg_hello/exposition/family_writer.h"
#include "pg_hello/snapshot/snapshot.h"

namespace pg_hello::exposition {

// A writer that appends to `out`, which must outlive it. Label values are taken as they are, but
// for escaping: they must be valid UTF-8. Counters have "_total" in HELP and TYPE lines too; an
// info family is a gauge. Histograms have the bounds of measure::kClassicBounds and +Inf; +Inf and
// _count are both the sum of all buckets. No timestamps.
std::unique_ptr<FamilyWriter> MakeTextWriter(std::string& out);

// Somewhat more than the length in bytes of the text, or of OpenMetrics' text, so that it does not
// move while it grows. Throws std::out_of_range if a function's database is not in the snapshot.
std::size_t TextLength(const snapshot::Snapshot& snapshot, const Options& options);

// The exposition of `snapshot`. If `samples` is not null, it is set to the number of samples.
// Throws as FamilyWalk does. About 2 ms for 1,000 functions.
std::string RenderText(const snapshot::Snapshot& snapshot, std::size_t* samples,
                       const Options& options = {});

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_TEXT_FORMAT_H
