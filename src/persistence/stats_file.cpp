// Writing is one pass over the rows. Reading is two passes of the same parser: the first only looks
// whether everything is there and possible, the second, which cannot fail any more, takes it over.
#include "pg_hello/persistence/stats_file.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

#include "persistence/file_parts.h"
#include "pg_hello/persistence/crc32c.h"
#include "pg_hello/shared/shared_stats.h"

namespace pg_hello::persistence {

namespace {

using shared::SharedStats;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::string_view kMagic("PGHELLO\n", 8);
constexpr std::size_t kCheckedFrom = 16;  // magic, version and the checksum stand before
constexpr std::size_t kPrefixBytes = 24;

// Adds counters of either shape.
template <typename Counters>
void Add(Row& row, const Counters& counters) {
  for (std::size_t i = 0; i < row.buckets.size(); ++i) {
    row.buckets[i] += counters.buckets[i].load(kRelaxed);
  }
  row.inclusive_ns += counters.inclusive_ns.load(kRelaxed);
  row.nested_ns += counters.nested_ns.load(kRelaxed);
  row.self_ns += counters.self_ns.load(kRelaxed);
  row.encoded_min_ns = std::max(row.encoded_min_ns, counters.encoded_min_ns.load(kRelaxed));
  row.max_ns = std::max(row.max_ns, counters.max_ns.load(kRelaxed));
  row.sum_squares_ns2 += counters.sum_squares_ns2.load(kRelaxed);
}

Row FromShared(const shared::FunctionRow& shared_row, const shared::FunctionIdentity& identity) {
  Row row{};
  row.key = shared_row.Key();
  row.identity = identity;
  row.stats_since_us = shared_row.stats_since_us.load(kRelaxed);
  const shared::RowCounters& counters = shared_row.counters;
  Add(row, counters);
  row.errors = counters.errors.load(kRelaxed);
  row.canceled = counters.canceled.load(kRelaxed);
  row.untimed = counters.untimed.load(kRelaxed);
  row.iterations = counters.iterations.load(kRelaxed);
  for (std::size_t i = 0; i < row.error_origins.size(); ++i) {
    const auto& place = counters.error_origins.places[i];
    row.error_origins[i] = {place.sqlstate_class.load(kRelaxed), place.count.load(kRelaxed)};
  }
  row.other_origins = counters.error_origins.other.load(kRelaxed);
  return row;
}

// False if the table has no place for it.
bool ToShared(const Row& row, SharedStats& stats) {
  shared::FunctionRow* made = stats.FindOrInsert(row.key, row.identity, row.stats_since_us);
  if (made == nullptr) {
    return false;
  }
  shared::RowCounters& counters = made->counters;
  for (std::size_t i = 0; i < row.buckets.size(); ++i) {
    counters.buckets[i].store(row.buckets[i], kRelaxed);
  }
  counters.inclusive_ns.store(row.inclusive_ns, kRelaxed);
  counters.nested_ns.store(row.nested_ns, kRelaxed);
  counters.self_ns.store(row.self_ns, kRelaxed);
  counters.encoded_min_ns.store(row.encoded_min_ns, kRelaxed);
  counters.max_ns.store(row.max_ns, kRelaxed);
  counters.sum_squares_ns2.store(row.sum_squares_ns2, kRelaxed);
  counters.errors.store(row.errors, kRelaxed);
  counters.canceled.store(row.canceled, kRelaxed);
  counters.untimed.store(row.untimed, kRelaxed);
  counters.iterations.store(row.iterations, kRelaxed);
  for (std::size_t i = 0; i < row.error_origins.size(); ++i) {
    auto& place = counters.error_origins.places[i];
    place.sqlstate_class.store(row.error_origins[i].sqlstate_class, kRelaxed);
    place.count.store(row.error_origins[i].count, kRelaxed);
  }
  counters.error_origins.other.store(row.other_origins, kRelaxed);
  return true;
}

// Backends' counters that still count for a row, in the order of the rows.
struct Pending {
  std::uint32_t row;
  const shared::PendingCounters* counters;
};

bool ByRow(const Pending& a, const Pending& b) { return a.row < b.row; }

std::vector<Pending> PendingByRow(SharedStats& stats) {
  std::vector<Pending> all;
  for (std::uint32_t number = 0; number < stats.slots_end(); ++number) {
    const shared::BackendSlot& slot = stats.slot(number);
    for (std::size_t i = 0; i < shared::kPendingEntries; ++i) {
      const shared::RowEpoch owner = slot.owner[i].load(std::memory_order_acquire);
      const std::uint32_t row = shared::RowOf(owner);
      if (owner != 0 && row < stats.rows_end() &&
          stats.row(row).epoch.load(kRelaxed) == shared::EpochOf(owner)) {
        all.push_back({row, &slot.pending[i]});
      }
    }
  }
  std::sort(all.begin(), all.end(), ByRow);
  return all;
}

// Calls `database` and `row` with each of the file's, as far as it can be read. True if that is to
// the end and nothing is left over.
template <typename TakeDatabase, typename TakeRow>
bool ForEachPart(std::string_view bytes, TakeDatabase take_database, TakeRow take_row) {
  Reader in(bytes.substr(kPrefixBytes));
  const Header header = GetHeader(in);
  for (std::uint32_t i = 0; i < header.databases && in.ok(); ++i) {
    const Database database = GetDatabase(in);
    if (in.ok()) {
      take_database(database);
    }
  }
  for (std::uint32_t i = 0; i < header.rows && in.ok(); ++i) {
    const Row row = GetRow(in);
    if (in.ok()) {
      take_row(row);
    }
  }
  return in.ok() && in.at_end();
}

// No row and no database twice: the second one's counters would take the place of the first one's.
bool AllDiffer(std::vector<shared::FunctionKey>& keys, std::vector<std::uint32_t>& databases) {
  const auto order = [](const shared::FunctionKey& a, const shared::FunctionKey& b) {
    return std::tie(a.dbid, a.funcid, a.temp_hash) < std::tie(b.dbid, b.funcid, b.temp_hash);
  };
  std::sort(keys.begin(), keys.end(), order);
  std::sort(databases.begin(), databases.end());
  return std::adjacent_find(keys.begin(), keys.end()) == keys.end() &&
         std::adjacent_find(databases.begin(), databases.end()) == databases.end();
}

std::string Differs(const char* what, std::uint64_t file, std::uint64_t ours) {
  return std::string("The file's ") + what + " is " + std::to_string(file) + ", not " +
         std::to_string(ours) + ".";
}

// Why the file cannot be this server's; empty if it can.
std::string Fault(std::string_view bytes, const Origin& origin) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return "The file was not written by pg_hello.";
  }
  Reader prefix(bytes.substr(kMagic.size()));
  const auto version = prefix.Get<std::uint32_t>();
  const auto checksum = prefix.Get<std::uint32_t>();
  const auto length = prefix.Get<std::uint64_t>();
  if (!prefix.ok()) {
    return "The file is damaged: it is too short.";
  }
  if (version != kFormatVersion) {
    return Differs("format version", version, kFormatVersion);
  }
  if (length != bytes.size()) {
    return "The file is damaged: " + Differs("length in bytes", bytes.size(), length);
  }
  if (Crc32c(bytes.substr(kCheckedFrom)) != checksum) {
    return "The file is damaged: its checksum does not match.";
  }
  Reader in(bytes.substr(kPrefixBytes));
  const Header header = GetHeader(in);
  if (!in.ok()) {
    return "The file is damaged: it is too short.";
  }
  if (header.origin.postgres_major != origin.postgres_major) {
    return Differs("PostgreSQL version", header.origin.postgres_major, origin.postgres_major);
  }
  if (!(header.layout == OurLayout())) {
    return "The file was written by a pg_hello with other counters.";
  }
  if (header.origin.system_identifier != origin.system_identifier) {
    return Differs("system identifier", header.origin.system_identifier, origin.system_identifier);
  }
  if (!(header.origin == origin)) {
    return "The server has run, or its data have been replaced, since the file was written.";
  }
  std::vector<shared::FunctionKey> keys;
  std::vector<std::uint32_t> databases;
  const bool whole = ForEachPart(
      bytes,
      [&databases](const Database& database) {
        if (database.dbid != 0) {  // otherwise a vacant place
          databases.push_back(database.dbid);
        }
      },
      [&keys](const Row& row) { keys.push_back(row.key); });
  if (!whole || !AllDiffer(keys, databases)) {
    return "The file is damaged: its parts do not fit.";
  }
  return {};
}

}  // namespace

std::string Save(SharedStats& stats, const Origin& origin, std::int64_t now_us) {
  constexpr std::size_t kUsualRowBytes = 512;
  const std::vector<Pending> pending = PendingByRow(stats);
  Writer out(std::size_t{64} * 1024 + stats.live_rows() * kUsualRowBytes);
  out.PutBytes(kMagic);
  out.Put(kFormatVersion);
  out.Put(std::uint32_t{0});
  out.Put(std::uint64_t{0});

  Header header{};
  header.origin = origin;
  header.layout = OurLayout();
  header.saved_at_us = now_us;
  header.stats_reset_us = stats.stats_reset_us();
  header.stack_resyncs = stats.stack_resyncs.load(kRelaxed);
  header.clock_anomalies = stats.clock_anomalies.load(kRelaxed);
  header.databases = stats.databases_end();
  PutHeader(out, header);
  const std::size_t rows_at = out.bytes().size() - sizeof(header.rows);

  for (std::uint32_t number = 0; number < header.databases; ++number) {
    const shared::DatabaseRow& database = stats.database(number);
    out.Put(database.dbid.load(kRelaxed));
    out.Put(database.overflow_calls.load(kRelaxed));
    out.PutText(database.name.Read().value_or(shared::DatabaseName{}).datname);
  }

  // First come, first: Load() makes the rows in this order, so it lasts over the restart.
  for (const shared::Arrival& arrival : stats.RowsByArrival()) {
    const shared::FunctionRow& shared_row = stats.row(arrival.row);
    const std::optional<shared::FunctionIdentity> identity = shared_row.identity.Read();
    if (!identity) {
      continue;
    }
    Row row = FromShared(shared_row, *identity);
    const auto [first, last] =
        std::equal_range(pending.begin(), pending.end(), Pending{arrival.row, nullptr}, ByRow);
    std::for_each(first, last, [&row](const Pending& p) { Add(row, *p.counters); });
    PutRow(out, row);
    ++header.rows;
  }

  out.PutAt(rows_at, header.rows);
  out.PutAt(kCheckedFrom, static_cast<std::uint64_t>(out.bytes().size()));
  out.PutAt(kCheckedFrom - sizeof(std::uint32_t),
            Crc32c(std::string_view(out.bytes()).substr(kCheckedFrom)));
  return out.Take();
}

LoadResult Load(std::string_view bytes, const Origin& origin, SharedStats& stats) {
  LoadResult result;
  result.why_not = Fault(bytes, origin);
  if (!result.why_not.empty()) {
    return result;
  }
  Reader in(bytes.substr(kPrefixBytes));
  const Header header = GetHeader(in);
  stats.RestoreStatsReset(header.stats_reset_us);
  stats.stack_resyncs.store(header.stack_resyncs, kRelaxed);
  stats.clock_anomalies.store(header.clock_anomalies, kRelaxed);
  ForEachPart(
      bytes,
      [&stats](const Database& database) {
        shared::DatabaseRow* row = database.dbid == 0
                                       ? &stats.database(0)
                                       : stats.FindOrInsertDatabase(database.dbid, database.name);
        row->overflow_calls.fetch_add(database.overflow_calls, kRelaxed);
        stats.overflow_loaded.fetch_add(database.overflow_calls, kRelaxed);
      },
      [&stats, &result](const Row& row) {
        ++(ToShared(row, stats) ? result.rows : result.rows_left_out);
      });
  result.loaded = true;
  return result;
}

}  // namespace pg_hello::persistence
