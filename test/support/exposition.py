#!/usr/bin/env python3
"""Reads an answer of /metrics with other people's code: prometheus_client's parsers of text and
OpenMetrics, and Google's protobuf runtime with the messages as Prometheus publishes them. What all
formats say comes out in the same form.

usage: exposition.py CONTENT_TYPE <BODY   (prints what read() returns, as JSON)
"""

import json
import re
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.decoder import _DecodeVarint32
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

# What we may be sent of prometheus/prometheus, prompb/io/prometheus/client/metrics.proto. Its syntax
# is proto3, so that the runtime refuses strings that are not UTF-8.
MESSAGES = {
    "Timestamp": "1 int64 seconds, 2 int32 nanos",
    "LabelPair": "1 string name, 2 string value",
    "Gauge": "1 double value",
    "Counter": "1 double value, 3 Timestamp created_timestamp",
    "Bucket": "1 uint64 cumulative_count, 2 double upper_bound",
    "BucketSpan": "1 sint32 offset, 2 uint32 length",
    "Histogram": "1 uint64 sample_count, 2 double sample_sum, 3 Bucket* bucket, 5 sint32 schema,"
                 " 6 double zero_threshold, 7 uint64 zero_count, 12 BucketSpan* positive_span,"
                 " 13 sint64* positive_delta, 15 Timestamp created_timestamp",
    "Metric": "1 LabelPair* label, 2 Gauge gauge, 3 Counter counter, 7 Histogram histogram",
    "MetricFamily": "1 string name, 2 string help, 3 int32 type, 4 Metric* metric, 5 string unit",
}
TYPES = {0: "counter", 1: "gauge", 4: "histogram"}  # enum MetricType, which travels as int32


def make_family_class():
    file = descriptor_pb2.FileDescriptorProto(
        name="metrics.proto", package="io.prometheus.client", syntax="proto3")
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for field in fields.split(","):
            number, kind, name = field.split()
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            added = described.field.add(
                name=name, number=int(number),
                label=field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL)
            if kind in MESSAGES:
                added.type = field_type.TYPE_MESSAGE
                added.type_name = f".io.prometheus.client.{kind}"
            else:
                added.type = getattr(field_type, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    family = pool.FindMessageTypeByName("io.prometheus.client.MetricFamily")
    return message_factory.MessageFactory(pool).GetPrototype(family)


def check_known(message):
    """ValueError if anything in the message is not in MESSAGES."""
    if len(message.UnknownFields()) > 0:
        raise ValueError(f"unknown fields in {message.DESCRIPTOR.name}")
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.label == field.LABEL_REPEATED else [value]:
                check_known(one)


def read_delimited(body):
    family_class = make_family_class()
    position = 0
    while position < len(body):
        size, start = _DecodeVarint32(body, position)
        position = start + size
        if position > len(body):
            raise ValueError("the last message is cut")
        family = family_class()
        family.ParseFromString(body[start:position])
        check_known(family)
        yield family


def native_buckets(histogram):
    """Index -> count, empty ones left out."""
    counts, index, at, count = {}, 0, 0, 0
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            count += histogram.positive_delta[at]
            if count < 0 or index in counts:
                raise ValueError("a negative bucket, or one given twice")
            if count > 0:
                counts[index] = count
            index += 1
            at += 1
    if at != len(histogram.positive_delta):
        raise ValueError("spans and deltas differ in length")
    return counts


def base_of(name):
    return re.sub(r"_(total|info)$", "", name)


def read_protobuf(body):
    families, samples, native = {}, [], []
    for family in read_delimited(body):
        kind, base = TYPES[family.type], base_of(family.name)
        if base in families or not family.metric:
            raise ValueError(f"family {family.name} twice, or empty")
        families[base] = {"type": kind, "help": family.help, "unit": family.unit}
        for metric in family.metric:
            labels = {pair.name: pair.value for pair in metric.label}
            if len(labels) != len(metric.label):
                raise ValueError(f"a label twice in {family.name}")
            values = {field.name for field, _ in metric.ListFields()} - {"label"}
            if values != {kind}:
                raise ValueError(f"{family.name} is a {kind} and has {values}")
            value = getattr(metric, kind)
            if kind == "histogram":
                if value.bucket:
                    rows = [("bucket", {"le": row.upper_bound}, row.cumulative_count)
                            for row in value.bucket]
                    rows += [("bucket", {"le": float("inf")}, value.sample_count),
                             ("sum", {}, value.sample_sum), ("count", {}, value.sample_count)]
                    samples += [(f"{base}_{suffix}", {**labels, **more}, number)
                                for suffix, more, number in rows]
                native.append({
                    "name": base, "labels": labels, "count": value.sample_count,
                    "sum": "%.17g" % value.sample_sum, "schema": value.schema,
                    "zero_threshold": "%.17g" % value.zero_threshold,
                    "zero_count": value.zero_count, "buckets": native_buckets(value)})
            else:
                samples.append((family.name, labels, value.value))
            if kind != "gauge" and value.HasField("created_timestamp"):
                created = value.created_timestamp
                if kind == "counter" or value.bucket:
                    seconds = float(f"{created.seconds}.{created.nanos:09}")
                    samples.append((f"{base}_created", labels, seconds))
    return families, samples, native


def read_lines(parse, body):
    families, samples = {}, []
    for family in parse(body.decode("utf-8", "strict")):
        base = base_of(family.name)
        if base in families:
            raise ValueError(f"family {family.name} twice")
        families[base] = {"type": family.type, "help": family.documentation, "unit": family.unit}
        samples += [(sample.name, sample.labels, sample.value) for sample in family.samples]
    return families, samples, []


def read(content_type, body):
    """-> families: base name -> type, help, unit ("" where the format has none)
          samples: [name, labels, value], numbers and `le` as %.17g prints the double
          native: the native histograms
    ValueError if it is not as it should be."""
    if content_type.startswith("text/plain; version=0.0.4;"):
        families, samples, native = read_lines(read_text, body)
    elif content_type.startswith("application/openmetrics-text; version=1.0.0;"):
        families, samples, native = read_lines(read_openmetrics, body)
    elif content_type == ("application/vnd.google.protobuf; "
                          "proto=io.prometheus.client.MetricFamily; encoding=delimited"):
        families, samples, native = read_protobuf(body)
    else:
        raise ValueError(f"a Content-Type that nobody knows: {content_type}")
    even, seen = [], set()
    for name, labels, value in samples:
        if "le" in labels:
            labels = {**labels, "le": "%.17g" % float(labels["le"])}
        series = (name, *sorted(labels.items()))
        if series in seen:
            raise ValueError(f"two equal series: {series}")
        seen.add(series)
        even.append([name, labels, "%.17g" % value])
    for histogram in native:
        series = ("native", histogram["name"], *sorted(histogram["labels"].items()))
        if series in seen:
            raise ValueError(f"two equal histograms: {series}")
        seen.add(series)
    return {"families": families, "samples": even, "native": native}


if __name__ == "__main__":
    json.dump(read(sys.argv[1], sys.stdin.buffer.read()), sys.stdout)
