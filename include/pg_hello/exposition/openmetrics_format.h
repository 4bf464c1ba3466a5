// OpenMetrics 1.0.0 as text, what Prometheus asks for unless native histograms are wanted.
//
// Source: prometheus/OpenMetrics, specification/OpenMetrics.md at v1.0.0 ("Text format", "Counter",
// "Histogram", "Info", "Canonical Numbers").
#ifndef PG_HELLO_EXPOSITION_OPENMETRICS_FORMAT_H
#define PG_HELLO_EXPOSITION_OPENMETRICS_FORMAT_H

#include <memory>
#include <string>

#include "pg_hello/exposition/family_writer.h"

namespace pg_hello::exposition {

// A writer that appends to `out`, which must outlive it; label values must be valid UTF-8. Other
// than in text 0.0.4,
// - TYPE, UNIT and HELP have the family's name, without "_total" or "_info";
// - counters and histograms whose beginning is known have a sample more, "_created", in seconds;
// - the values of le always have a point or an exponent: "1.0";
// - the end is "# EOF".
// Counts and integer counters are integers, which OpenMetrics allows ("Numbers").
std::unique_ptr<FamilyWriter> MakeOpenMetricsWriter(std::string& out);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_OPENMETRICS_FORMAT_H
