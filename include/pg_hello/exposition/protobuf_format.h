// The Prometheus protobuf format: io.prometheus.client.MetricFamily messages, each after its length
// as a varint. The only format in which all Prometheus versions take native histograms.
//
// Sources: prometheus/client_model, io/prometheus/client/metrics.proto (messages and field numbers,
// at 10dc9dfb of 2026-06-23); prometheus/docs, docs/specs/native_histograms.md ("Schema", "Zero
// bucket", "Buckets").
#ifndef PG_HELLO_EXPOSITION_PROTOBUF_FORMAT_H
#define PG_HELLO_EXPOSITION_PROTOBUF_FORMAT_H

#include <memory>
#include <string>

#include "pg_hello/exposition/family_writer.h"

namespace pg_hello::exposition {

// A writer that appends to `out`, which must outlive it, a family as soon as it is complete; label
// values must be valid UTF-8. Families have the names of text 0.0.4; those without a sample are
// left out, an info family is a gauge. Values are the nearest doubles.
//
// A histogram is always a native one of schema 3, beside classic buckets (without +Inf, which is
// the count) if they are wanted. Each stored bucket lies in exactly one native bucket, so all its
// counts are exact and their sum is the count:
// - durations up to 2^-20 s (953 ns, the first stored bucket) are in the zero bucket, whose
//   threshold is that bound;
// - durations above 128 s are in the bucket with upper bound +Inf, index 8193, which the
//   specification keeps for what has no finite bound ("positive overflow bucket"). Nothing is known
//   of them but that they are long, so they must not be given a finite bound. A quantile that falls
//   among them is +Inf.
std::unique_ptr<FamilyWriter> MakeProtobufWriter(std::string& out);

}  // namespace pg_hello::exposition

#endif  // PG_HELLO_EXPOSITION_PROTOBUF_FORMAT_H
