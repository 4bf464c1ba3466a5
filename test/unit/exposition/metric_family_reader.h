// Reads the protobuf format by its field numbers alone, apart from the code that writes it: what a
// decoder that knows io.prometheus.client.MetricFamily makes of the bytes. Fails the test on fields
// that are not expected.
#ifndef PG_HELLO_TEST_UNIT_EXPOSITION_METRIC_FAMILY_READER_H
#define PG_HELLO_TEST_UNIT_EXPOSITION_METRIC_FAMILY_READER_H

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <utility>
#include <vector>

namespace pg_hello::testing {

struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

struct Histogram {
  std::uint64_t count = 0;
  double sum = 0;
  std::vector<std::pair<double, std::uint64_t>> classic;  // upper bound, cumulative count
  int schema = 0;
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  std::map<int, std::uint64_t> positive;  // by index; empty buckets in spans too
  std::size_t spans = 0;
  std::optional<Timestamp> created;
};

struct Metric {
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<double> counter;
  std::optional<double> gauge;
  std::optional<Timestamp> created;
  std::optional<Histogram> histogram;
};

struct MetricFamily {
  std::string name;
  std::string help;
  std::string unit;
  int type = -1;
  std::vector<Metric> metrics;
};

inline Timestamp ReadTimestamp(protozero::pbf_reader message) {
  Timestamp timestamp;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        timestamp.seconds = message.get_int64();
        break;
      case 2:
        timestamp.nanos = message.get_int32();
        break;
      default:
        ADD_FAILURE() << "field " << message.tag() << " of a Timestamp";
        message.skip();
    }
  }
  return timestamp;
}

inline Histogram ReadHistogram(protozero::pbf_reader message) {
  Histogram histogram;
  std::vector<std::pair<std::int32_t, std::uint32_t>> spans;
  std::vector<std::int64_t> deltas;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        histogram.count = message.get_uint64();
        break;
      case 2:
        histogram.sum = message.get_double();
        break;
      case 3: {
        protozero::pbf_reader bucket = message.get_message();
        histogram.classic.emplace_back();
        while (bucket.next()) {
          if (bucket.tag() == 1) {
            histogram.classic.back().second = bucket.get_uint64();
          } else {
            EXPECT_EQ(bucket.tag(), 2U);
            histogram.classic.back().first = bucket.get_double();
          }
        }
        break;
      }
      case 5:
        histogram.schema = message.get_sint32();
        break;
      case 6:
        histogram.zero_threshold = message.get_double();
        break;
      case 7:
        histogram.zero_count = message.get_uint64();
        break;
      case 12: {
        protozero::pbf_reader span = message.get_message();
        spans.emplace_back();
        while (span.next()) {
          if (span.tag() == 1) {
            spans.back().first = span.get_sint32();
          } else {
            EXPECT_EQ(span.tag(), 2U);
            spans.back().second = span.get_uint32();
          }
        }
        break;
      }
      case 13:
        for (const std::int64_t delta : message.get_packed_sint64()) {
          deltas.push_back(delta);
        }
        break;
      case 15:
        histogram.created = ReadTimestamp(message.get_message());
        break;
      default:
        ADD_FAILURE() << "field " << message.tag() << " of a Histogram";
        message.skip();
    }
  }
  histogram.spans = spans.size();
  int index = 0;
  std::size_t next = 0;
  std::uint64_t count = 0;
  for (const auto& [offset, length] : spans) {
    index += offset;
    for (std::uint32_t i = 0; i < length; ++i) {
      count += static_cast<std::uint64_t>(deltas.at(next++));
      histogram.positive[index++] = count;
    }
  }
  EXPECT_EQ(next, deltas.size());
  return histogram;
}

inline std::optional<double> ReadValue(protozero::pbf_reader message,
                                       std::optional<Timestamp>& created) {
  std::optional<double> value;
  while (message.next()) {
    if (message.tag() == 1) {
      value = message.get_double();
    } else {
      EXPECT_EQ(message.tag(), 3U);
      created = ReadTimestamp(message.get_message());
    }
  }
  return value;
}

inline Metric ReadMetric(protozero::pbf_reader message) {
  Metric metric;
  while (message.next()) {
    switch (message.tag()) {
      case 1: {
        protozero::pbf_reader pair = message.get_message();
        metric.labels.emplace_back();
        while (pair.next()) {
          std::string& text =
              pair.tag() == 1 ? metric.labels.back().first : metric.labels.back().second;
          text = pair.get_string();
        }
        break;
      }
      case 2:
        metric.gauge = ReadValue(message.get_message(), metric.created);
        EXPECT_FALSE(metric.created) << "a gauge";
        break;
      case 3:
        metric.counter = ReadValue(message.get_message(), metric.created);
        break;
      case 7:
        metric.histogram = ReadHistogram(message.get_message());
        break;
      default:
        ADD_FAILURE() << "field " << message.tag() << " of a Metric";
        message.skip();
    }
  }
  return metric;
}

inline MetricFamily ReadFamily(protozero::pbf_reader message) {
  MetricFamily family;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        family.name = message.get_string();
        break;
      case 2:
        family.help = message.get_string();
        break;
      case 3:
        family.type = message.get_enum();
        break;
      case 4:
        family.metrics.push_back(ReadMetric(message.get_message()));
        break;
      case 5:
        family.unit = message.get_string();
        break;
      default:
        ADD_FAILURE() << "field " << message.tag() << " of a MetricFamily";
        message.skip();
    }
  }
  return family;
}

inline std::vector<MetricFamily> Decode(const std::string& body) {
  std::vector<MetricFamily> families;
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at < end) {
    const std::uint64_t length = protozero::decode_varint(&at, end);
    EXPECT_LE(length, static_cast<std::uint64_t>(end - at));
    families.push_back(ReadFamily(protozero::pbf_reader(at, length)));
    at += length;
  }
  return families;
}

}  // namespace pg_hello::testing

#endif  // PG_HELLO_TEST_UNIT_EXPOSITION_METRIC_FAMILY_READER_H
