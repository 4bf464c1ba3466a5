// The order of the fields, once for writing and once for reading; change the format's version with
// it.
#include "persistence/file_parts.h"

#include <algorithm>

#include "pg_hello/measure/utf8.h"
#include "pg_hello/persistence/crc32c.h"

namespace pg_hello::persistence {

bool IsLabelText(std::string_view text) {
  bool repaired = false;
  measure::ToValidUtf8(text, &repaired);
  return !repaired;
}

Layout OurLayout() {
  Writer bounds(measure::kUpperBoundsNs.size() * sizeof(std::uint64_t));
  for (const std::uint64_t bound : measure::kUpperBoundsNs) {
    bounds.Put(bound);
  }
  return {measure::kBucketCount, Crc32c(bounds.bytes()), sizeof(shared::FunctionIdentity),
          shared::ErrorOriginCounters::kPlaces};
}

void PutHeader(Writer& out, const Header& header) {
  out.Put(header.origin.postgres_major);
  out.Put(header.origin.system_identifier);
  out.Put(header.origin.timeline);
  out.Put(header.origin.checkpoint);
  out.Put(header.origin.min_recovery_point);
  out.Put(header.layout.bucket_count);
  out.Put(header.layout.bounds_checksum);
  out.Put(header.layout.identity_size);
  out.Put(header.layout.error_places);
  out.Put(header.saved_at_us);
  out.Put(header.stats_reset_us);
  out.Put(header.stack_resyncs);
  out.Put(header.clock_anomalies);
  out.Put(header.databases);
  out.Put(header.rows);
}

Header GetHeader(Reader& in) {
  Header header{};
  header.origin.postgres_major = in.Get<std::uint32_t>();
  header.origin.system_identifier = in.Get<std::uint64_t>();
  header.origin.timeline = in.Get<std::uint32_t>();
  header.origin.checkpoint = in.Get<std::uint64_t>();
  header.origin.min_recovery_point = in.Get<std::uint64_t>();
  header.layout.bucket_count = in.Get<std::uint32_t>();
  header.layout.bounds_checksum = in.Get<std::uint32_t>();
  header.layout.identity_size = in.Get<std::uint32_t>();
  header.layout.error_places = in.Get<std::uint32_t>();
  header.saved_at_us = in.Get<std::int64_t>();
  header.stats_reset_us = in.Get<std::int64_t>();
  header.stack_resyncs = in.Get<std::uint64_t>();
  header.clock_anomalies = in.Get<std::uint64_t>();
  header.databases = in.Get<std::uint32_t>();
  header.rows = in.Get<std::uint32_t>();
  return header;
}

Database GetDatabase(Reader& in) {
  Database database{};
  database.dbid = in.Get<std::uint32_t>();
  database.overflow_calls = in.Get<std::uint64_t>();
  in.GetText(database.name.datname);
  return database;
}

// A bucket's number takes one byte.
static_assert(measure::kBucketCount <= 256 && shared::ErrorOriginCounters::kPlaces <= 255);

void PutRow(Writer& out, const Row& row) {
  out.Put(row.key.dbid);
  out.Put(row.key.funcid);
  out.Put(row.key.temp_hash);
  out.PutText(row.identity.schema);
  out.PutText(row.identity.function);
  out.PutText(row.identity.language);
  out.PutText(row.identity.extension);
  out.Put(static_cast<std::uint8_t>(row.identity.kind));
  out.Put(row.stats_since_us);
  out.Put(row.inclusive_ns);
  out.Put(row.nested_ns);
  out.Put(row.self_ns);
  out.Put(row.encoded_min_ns);
  out.Put(row.max_ns);
  out.Put(row.sum_squares_ns2);
  out.Put(row.errors);
  out.Put(row.canceled);
  out.Put(row.untimed);
  out.Put(row.iterations);
  const auto used = row.buckets.size() -
                    static_cast<std::size_t>(std::count(row.buckets.begin(), row.buckets.end(), 0));
  out.Put(static_cast<std::uint16_t>(used));
  for (std::size_t i = 0; i < row.buckets.size(); ++i) {
    if (row.buckets[i] != 0) {
      out.Put(static_cast<std::uint8_t>(i));
      out.Put(row.buckets[i]);
    }
  }
  const auto classes = std::count_if(row.error_origins.begin(), row.error_origins.end(),
                                     [](const auto& place) { return place.sqlstate_class != 0; });
  out.Put(static_cast<std::uint8_t>(classes));
  for (const Row::Origins& place : row.error_origins) {
    if (place.sqlstate_class != 0) {
      out.Put(place.sqlstate_class);
      out.Put(place.count);
    }
  }
  out.Put(row.other_origins);
}

namespace {

// Two printable characters, as the server makes them, and of no place before.
bool IsNewClass(std::uint32_t sqlstate_class, const Row& row, std::size_t places) {
  const auto printable = [](std::uint32_t c) { return c > ' ' && c < 0x7f; };
  return printable(sqlstate_class & 0xff) && printable(sqlstate_class >> 8) &&
         std::none_of(row.error_origins.begin(), row.error_origins.begin() + places,
                      [sqlstate_class](const Row::Origins& place) {
                        return place.sqlstate_class == sqlstate_class;
                      });
}

}  // namespace

Row GetRow(Reader& in) {
  Row row{};
  row.key.dbid = in.Get<std::uint32_t>();
  row.key.funcid = in.Get<std::uint32_t>();
  row.key.temp_hash = in.Get<std::uint32_t>();
  in.GetText(row.identity.schema);
  in.GetText(row.identity.function);
  in.GetText(row.identity.language);
  in.GetText(row.identity.extension);
  row.identity.kind = static_cast<char>(in.Get<std::uint8_t>());
  row.stats_since_us = in.Get<std::int64_t>();
  row.inclusive_ns = in.Get<std::uint64_t>();
  row.nested_ns = in.Get<std::uint64_t>();
  row.self_ns = in.Get<std::uint64_t>();
  row.encoded_min_ns = in.Get<std::uint64_t>();
  row.max_ns = in.Get<std::uint64_t>();
  row.sum_squares_ns2 = in.Get<double>();
  row.errors = in.Get<std::uint64_t>();
  row.canceled = in.Get<std::uint64_t>();
  row.untimed = in.Get<std::uint64_t>();
  row.iterations = in.Get<std::uint64_t>();
  const std::size_t used = in.Get<std::uint16_t>();
  if (used > row.buckets.size()) {
    in.Fail();
  }
  for (std::size_t i = 0; i < used && in.ok(); ++i) {
    const std::size_t bucket = in.Get<std::uint8_t>();
    if (bucket >= row.buckets.size()) {
      in.Fail();
      break;
    }
    row.buckets[bucket] = in.Get<std::uint64_t>();
  }
  const std::size_t classes = in.Get<std::uint8_t>();
  if (classes > row.error_origins.size()) {
    in.Fail();
  }
  for (std::size_t i = 0; i < classes && in.ok(); ++i) {
    const auto sqlstate_class = in.Get<std::uint32_t>();
    if (!IsNewClass(sqlstate_class, row, i)) {
      in.Fail();
      break;
    }
    row.error_origins[i].sqlstate_class = sqlstate_class;
    row.error_origins[i].count = in.Get<std::uint64_t>();
  }
  row.other_origins = in.Get<std::uint64_t>();
  return row;
}

}  // namespace pg_hello::persistence
