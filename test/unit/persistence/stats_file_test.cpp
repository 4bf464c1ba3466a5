#include "pg_hello/persistence/stats_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg_hello/persistence/crc32c.h"
#include "pg_hello/snapshot/snapshot.h"
#include "support/shared_memory.h"

namespace pg_hello::persistence {
namespace {

using ::pg_hello::testing::FindFunction;
using ::pg_hello::testing::IdentityOf;
using ::pg_hello::testing::Insert;
using ::pg_hello::testing::kCreatedUs;
using ::pg_hello::testing::kDbid;
using ::pg_hello::testing::KeyOf;
using ::pg_hello::testing::NameOf;
using ::pg_hello::testing::Sample;
using ::pg_hello::testing::SharedMemory;
using ::pg_hello::testing::TakeSnapshot;
using std::string_literals::operator""s;

constexpr Origin kOrigin{15, 0x7123'4567'89ab'cdef, 3, 0x1'6b37'4d50, 0};
constexpr std::int64_t kSavedUs = kCreatedUs + 5'000'000;
constexpr shared::Dimensions kSmall{8, 2};
constexpr std::uint32_t kClass22 = '2' | ('2' << 8);
constexpr std::uint32_t kClassP0 = 'P' | ('0' << 8);

// Where things stand in the file, for tests that change them.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kChecksumAt = 12;
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kHeaderAt = 24;
constexpr std::size_t kLayoutAt = kHeaderAt + 32;
constexpr std::size_t kRowCountAt = kLayoutAt + 16 + 32 + 4;

template <typename T>
void Overwrite(std::string& bytes, std::size_t position, T value) {
  std::memcpy(&bytes[position], &value, sizeof(value));
}

// Makes checksum and length right again, as a hand that knows the format would.
std::string Sealed(std::string bytes) {
  Overwrite(bytes, kLengthAt, std::uint64_t{bytes.size()});
  Overwrite(bytes, kChecksumAt, Crc32c(std::string_view(bytes).substr(kLengthAt)));
  return bytes;
}

shared::PendingCounters& Pending(shared::SharedStats& stats, std::uint32_t slot, std::size_t entry,
                                 const shared::FunctionRow& row) {
  stats.HoldSlot(slot).owner[entry] = shared::MakeRowEpoch(stats.RowNumber(row), row.epoch);
  return stats.slot(slot).pending[entry];
}

// Two databases, four functions; calls in rows and in the slots of two backends.
void Fill(shared::SharedStats& stats) {
  stats.FindOrInsertDatabase(kDbid, NameOf("shop"));
  stats.FindOrInsertDatabase(kDbid + 1, NameOf("cr\u00e8me"))->overflow_calls = 17;
  stats.database(0).overflow_calls = 3;
  stats.stack_resyncs = 2;
  stats.clock_anomalies = 4;
  stats.RestoreStatsReset(kCreatedUs - 77);

  shared::FunctionRow& first = Insert(stats, 1);
  for (std::uint64_t ns = 100; ns < 1'000'000'000'000; ns *= 7) {
    first.counters.Record({ns, ns / 2, ns % 2 == 0});
    Pending(stats, 0, 0, first).Record({ns + 3, ns, true});
    Pending(stats, 1, 5, first).Record({ns + 9, ns, false});
  }
  first.counters.errors = 12;
  first.counters.canceled = 5;
  first.counters.untimed = 6;
  first.counters.iterations = 7;
  for (int i = 0; i < 4; ++i) {
    first.counters.error_origins.Add(kClassP0);
  }
  first.counters.error_origins.Add(kClass22);
  first.counters.error_origins.other = 9;

  Insert(stats, 2);  // never called
  shared::FunctionRow& third = Insert(stats, 3, kDbid + 1);
  Pending(stats, 1, 0, third).Record(Sample(1));  // counted by a backend only
  shared::FunctionIdentity temporary = IdentityOf(4);
  std::memset(temporary.function, 'x', sizeof(temporary.function) - 1);
  temporary.kind = 'p';
  stats.FindOrInsert({kDbid, 0, 99}, temporary, kCreatedUs + 55)->counters.Record(Sample(2'000));
}

void ExpectEqual(const snapshot::Snapshot& a, const snapshot::Snapshot& b) {
  EXPECT_EQ(a.stats_reset_us, b.stats_reset_us);
  EXPECT_EQ(a.stack_resyncs, b.stack_resyncs);
  EXPECT_EQ(a.clock_anomalies, b.clock_anomalies);
  ASSERT_EQ(a.databases.size(), b.databases.size());
  for (std::size_t i = 0; i < a.databases.size(); ++i) {
    EXPECT_EQ(a.databases[i].dbid, b.databases[i].dbid);
    EXPECT_EQ(a.databases[i].datname, b.databases[i].datname);
    EXPECT_EQ(a.databases[i].overflow_calls, b.databases[i].overflow_calls);
  }
  ASSERT_EQ(a.functions.size(), b.functions.size());
  for (std::size_t i = 0; i < a.functions.size(); ++i) {
    const snapshot::FunctionStats& x = a.functions[i];
    const snapshot::FunctionStats& y = b.functions[i];
    EXPECT_EQ(x.key, y.key);
    EXPECT_EQ(std::memcmp(&x.identity, &y.identity, sizeof(x.identity)), 0);
    EXPECT_EQ(x.database, y.database);
    EXPECT_EQ(x.stats_since_us, y.stats_since_us);
    EXPECT_EQ(x.calls, y.calls);
    EXPECT_EQ(x.errors, y.errors);
    EXPECT_EQ(x.canceled, y.canceled);
    EXPECT_EQ(x.inclusive_ns, y.inclusive_ns);
    EXPECT_EQ(x.self_ns, y.self_ns);
    EXPECT_EQ(x.duration_ns, y.duration_ns);
    EXPECT_DOUBLE_EQ(x.sum_squares_ns2, y.sum_squares_ns2);
    EXPECT_EQ(x.min_ns, y.min_ns);
    EXPECT_EQ(x.max_ns, y.max_ns);
    EXPECT_EQ(x.iterations, y.iterations);
    EXPECT_EQ(x.untimed, y.untimed);
    EXPECT_EQ(x.buckets, y.buckets);
    ASSERT_EQ(x.error_origins.size(), y.error_origins.size());
    for (std::size_t j = 0; j < x.error_origins.size(); ++j) {
      EXPECT_STREQ(x.error_origins[j].sqlstate_class, y.error_origins[j].sqlstate_class);
      EXPECT_EQ(x.error_origins[j].count, y.error_origins[j].count);
    }
  }
}

bool Untouched(shared::SharedStats& stats) {
  return stats.rows_end() == 0 && stats.live_rows() == 0 && stats.databases_end() == 1 &&
         stats.stats_reset_us() == kCreatedUs && stats.stack_resyncs == 0 &&
         stats.overflow_loaded == 0 && stats.database(0).overflow_calls == 0;
}

// Why Load() refuses the bytes; it must leave no trace then. Empty if it does not refuse.
std::string Refusal(std::string_view bytes, const Origin& origin = kOrigin) {
  SharedMemory stats(kSmall);
  const LoadResult result = Load(bytes, origin, *stats);
  EXPECT_EQ(result.loaded, result.why_not.empty());
  EXPECT_TRUE(result.loaded || Untouched(*stats)) << result.why_not;
  return result.why_not;
}

bool Says(std::string_view reason, std::string_view words) {
  return reason.find(words) != std::string_view::npos;
}

class StatsFileTest : public ::testing::Test {
 protected:
  StatsFileTest() { Fill(*stats_); }

  SharedMemory stats_{kSmall};
};

TEST(Crc32cTest, IsTheOneOfRfc3720) {
  EXPECT_EQ(Crc32c(""), 0U);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST_F(StatsFileTest, WhatIsLoadedShowsTheSameNumbers) {
  const snapshot::Snapshot before = TakeSnapshot(*stats_);
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  SharedMemory loaded(kSmall);
  const LoadResult result = Load(bytes, kOrigin, *loaded);
  EXPECT_TRUE(result.loaded);
  EXPECT_EQ(result.rows, 4U);
  EXPECT_EQ(result.rows_left_out, 0U);
  ExpectEqual(before, TakeSnapshot(*loaded));
  EXPECT_EQ(loaded->overflow_loaded, 20U);
}

TEST_F(StatsFileTest, SavingChangesNothing) {
  const snapshot::Snapshot before = TakeSnapshot(*stats_);
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  ExpectEqual(before, TakeSnapshot(*stats_));
  EXPECT_EQ(Save(*stats_, kOrigin, kSavedUs), bytes);
}

TEST_F(StatsFileTest, WhatIsLoadedIsInRowsAndCountsOn) {
  SharedMemory loaded(kSmall);
  ASSERT_TRUE(Load(Save(*stats_, kOrigin, kSavedUs), kOrigin, *loaded).loaded);
  EXPECT_EQ(loaded->slot(0).owner[0], 0U);
  EXPECT_EQ(loaded->slot(1).owner[5], 0U);
  const std::uint64_t calls = FindFunction(TakeSnapshot(*loaded), 1)->calls;
  shared::FunctionRow* row = loaded->Find(KeyOf(1));
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row, &Insert(*loaded, 1));  // the names are known: not made anew
  Pending(*loaded, 0, 0, *row).Record(Sample(5));
  row->counters.error_origins.Add(kClassP0);
  const snapshot::Snapshot after = TakeSnapshot(*loaded);
  EXPECT_EQ(FindFunction(after, 1)->calls, calls + 1);
  EXPECT_EQ(FindFunction(after, 1)->error_origins[0].count, 5U);
  EXPECT_EQ(FindFunction(after, 1)->min_ns, 5U);
}

TEST_F(StatsFileTest, TheSameAgainAfterManyRestarts) {
  const snapshot::Snapshot before = TakeSnapshot(*stats_);
  std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (int i = 0; i < 5; ++i) {
    SharedMemory loaded(kSmall);
    ASSERT_TRUE(Load(bytes, kOrigin, *loaded).loaded);
    ExpectEqual(before, TakeSnapshot(*loaded));
    EXPECT_EQ(Save(*loaded, kOrigin, kSavedUs), bytes);
    bytes = Save(*loaded, kOrigin, kSavedUs);
  }
}

TEST_F(StatsFileTest, RemovedRowsAndCountersBeforeAResetStayOut) {
  stats_->Remove(*stats_->Find(KeyOf(3, kDbid + 1)));
  stats_->Reset(*stats_->Find(KeyOf(1)), kCreatedUs + 9);
  SharedMemory loaded(kSmall);
  EXPECT_EQ(Load(Save(*stats_, kOrigin, kSavedUs), kOrigin, *loaded).rows, 3U);
  const snapshot::Snapshot snapshot = TakeSnapshot(*loaded);
  EXPECT_EQ(FindFunction(snapshot, 3), nullptr);
  EXPECT_EQ(FindFunction(snapshot, 1)->calls, 0U);
  EXPECT_EQ(FindFunction(snapshot, 1)->min_ns, 0U);
  EXPECT_EQ(FindFunction(snapshot, 1)->stats_since_us, kCreatedUs + 9);
}

TEST_F(StatsFileTest, WhoCameFirstIsFirstAfterwardsToo) {
  stats_->Remove(*stats_->Find(KeyOf(1)));
  Insert(*stats_, 5);  // in the row that function 1 had
  stats_->Reset(*stats_->Find(KeyOf(2)), kCreatedUs + 9);
  SharedMemory loaded(kSmall);
  ASSERT_TRUE(Load(Save(*stats_, kOrigin, kSavedUs), kOrigin, *loaded).loaded);
  const snapshot::Snapshot snapshot = TakeSnapshot(*loaded);
  std::vector<std::uint32_t> funcids;
  for (const snapshot::FunctionStats& function : snapshot.functions) {
    funcids.push_back(function.key.funcid);
  }
  EXPECT_EQ(funcids, (std::vector<std::uint32_t>{3, 0, 5, 2}));
  ExpectEqual(snapshot, TakeSnapshot(*stats_));
}

TEST(StatsFileEmptyTest, NothingCountedIsAFileToo) {
  SharedMemory empty(kSmall);
  SharedMemory loaded(kSmall);
  EXPECT_TRUE(Load(Save(*empty, kOrigin, kSavedUs), kOrigin, *loaded).loaded);
  EXPECT_TRUE(Untouched(*loaded));
}

TEST_F(StatsFileTest, CutAnywhereItIsRefused) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::string cut = bytes.substr(0, length);
    EXPECT_NE(Refusal(cut), "") << length;
    if (length >= kHeaderAt) {
      EXPECT_TRUE(Says(Refusal(Sealed(cut)), "damaged") || length < kRowCountAt + 4) << length;
      EXPECT_NE(Refusal(Sealed(cut)), "") << length;
    }
  }
  EXPECT_NE(Refusal(bytes + '\0'), "");
  EXPECT_TRUE(Says(Refusal(Sealed(bytes + '\0')), "parts"));
}

TEST_F(StatsFileTest, WithAnyByteFlippedItIsRefused) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      EXPECT_NE(Refusal(damaged), "") << "byte " << i;
    }
  }
}

TEST_F(StatsFileTest, AnotherServersIsRefusedForWhatDiffers) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  EXPECT_EQ(Refusal(bytes), "");
  Origin other = kOrigin;
  other.postgres_major = 16;
  EXPECT_EQ(Refusal(bytes, other), "The file's PostgreSQL version is 15, not 16.");
  other = kOrigin;
  ++other.system_identifier;
  EXPECT_TRUE(Says(Refusal(bytes, other), "system identifier"));
  for (std::uint64_t* moved : {&other.checkpoint, &other.min_recovery_point}) {
    other = kOrigin;
    *moved += 8;
    EXPECT_TRUE(Says(Refusal(bytes, other), "has run"));
  }
  other = kOrigin;
  ++other.timeline;
  EXPECT_TRUE(Says(Refusal(bytes, other), "has run"));
}

TEST_F(StatsFileTest, OtherFormatsAreRefused) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (const std::uint32_t version : {0U, kFormatVersion + 1, UINT32_MAX}) {
    std::string other = bytes;
    Overwrite(other, kVersionAt, version);
    EXPECT_TRUE(Says(Refusal(Sealed(other)), "format version"));
  }
  for (std::size_t part = 0; part < 4; ++part) {
    std::string other = bytes;
    ++other[kLayoutAt + 4 * part];
    EXPECT_TRUE(Says(Refusal(Sealed(other)), "other counters")) << part;
  }
  EXPECT_TRUE(Says(Refusal(""), "not written by pg_hello"));
  EXPECT_TRUE(Says(Refusal(std::string(5'000, 'P')), "not written by pg_hello"));
}

TEST_F(StatsFileTest, CountsBeyondWhatIsThereAreRefused) {
  std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (const std::size_t position : {kRowCountAt - 4, kRowCountAt}) {
    for (const std::uint32_t count : {0U, 2U, 5U, UINT32_MAX}) {
      std::string other = bytes;
      std::uint32_t before;
      std::memcpy(&before, &bytes[position], sizeof(before));
      Overwrite(other, position, count);
      EXPECT_EQ(Refusal(Sealed(other)) == "", count == before) << position << ' ' << count;
    }
  }
}

TEST_F(StatsFileTest, NamesThatAreNoUtf8AreRefused) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  for (const char* name : {"shop", "public", "f2()", "plpgsql"}) {
    for (const char wrong : {'\xff', '\xc3', '\t', '\x7f'}) {
      std::string other = bytes;
      other[other.find(name)] = wrong;
      EXPECT_TRUE(Says(Refusal(Sealed(other)), "parts")) << name;
    }
  }
}

TEST_F(StatsFileTest, NoFunctionAndNoDatabaseMayComeTwice) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  std::string other = bytes;
  std::string_view second_key("\0\x40\0\0\x02\0\0\0\0\0\0\0", 12);
  ASSERT_NE(other.find(second_key), std::string::npos);
  other[other.find(second_key) + 4] = 1;
  EXPECT_TRUE(Says(Refusal(Sealed(other)), "parts"));

  other = bytes;
  const std::size_t second_database = other.find("\x01\x40\0\0"s);
  ASSERT_NE(second_database, std::string::npos);
  other[second_database] = 0;
  EXPECT_TRUE(Says(Refusal(Sealed(other)), "parts"));
}

TEST_F(StatsFileTest, PlacesOfDatabasesThatAreGoneMayBeMany) {
  for (std::uint32_t dbid = 90'001; dbid < 90'004; ++dbid) {
    stats_->FindOrInsertDatabase(dbid, NameOf("gone"));
  }
  for (std::uint32_t dbid = 90'001; dbid < 90'004; ++dbid) {
    stats_->RemoveDatabase(dbid);
  }
  EXPECT_EQ(Refusal(Save(*stats_, kOrigin, kSavedUs)), "");
}

TEST_F(StatsFileTest, ErrorClassesAreTwoCharactersAndDiffer) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  const std::size_t at = bytes.find("P0\0\0"s);
  ASSERT_NE(at, std::string::npos);
  for (const std::string& wrong : {"22\0\0"s, "\0\0\0\0"s, "P\0\0\0"s, "P\xff\0\0"s, "P0\x01\0"s}) {
    EXPECT_TRUE(Says(Refusal(Sealed(std::string(bytes).replace(at, 4, wrong))), "parts"));
  }
  EXPECT_EQ(Refusal(Sealed(std::string(bytes).replace(at, 4, "P1\0\0"s))), "");
}

TEST_F(StatsFileTest, RowsThatDoNotFitAreLeftOutAndCounted) {
  SharedMemory loaded(shared::Dimensions{3, 2});
  const snapshot::Snapshot before = TakeSnapshot(*stats_);
  const LoadResult result = Load(Save(*stats_, kOrigin, kSavedUs), kOrigin, *loaded);
  EXPECT_TRUE(result.loaded);
  EXPECT_EQ(result.rows, 3U);
  EXPECT_EQ(result.rows_left_out, 1U);
  const snapshot::Snapshot after = TakeSnapshot(*loaded);
  ASSERT_EQ(after.functions.size(), 3U);
  EXPECT_EQ(after.functions[0].buckets, before.functions[0].buckets);
  EXPECT_EQ(after.stats_reset_us, before.stats_reset_us);
}

TEST_F(StatsFileTest, MoreDatabasesThanPlacesShareTheLastResort) {
  for (std::uint32_t i = 0; i < shared::kMaxDatabases + 10; ++i) {
    const std::string name = "db" + std::to_string(i);
    stats_->FindOrInsertDatabase(100'000 + i, NameOf(name.c_str()))->overflow_calls += 1;
  }
  SharedMemory loaded(kSmall);
  ASSERT_TRUE(Load(Save(*stats_, kOrigin, kSavedUs), kOrigin, *loaded).loaded);
  ExpectEqual(TakeSnapshot(*stats_), TakeSnapshot(*loaded));
}

// Files that pass the checksum, and are wrong in any way: nothing is promised but that they are
// refused or loaded, and that nothing is touched outside (run it under a sanitizer, too).
TEST_F(StatsFileTest, RandomBytesDoNoHarm) {
  const std::string bytes = Save(*stats_, kOrigin, kSavedUs);
  std::mt19937 random(4711);
  const auto byte = [&random] { return static_cast<char>(random()); };
  for (int round = 0; round < 20'000; ++round) {
    std::string other = bytes;
    const std::size_t changes = 1 + random() % 8;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t position = kHeaderAt + random() % (other.size() - kHeaderAt);
      other[position] = random() % 2 == 0 ? byte() : '\xff';
    }
    if (random() % 4 == 0) {
      other.resize(kHeaderAt + random() % (other.size() - kHeaderAt));
    }
    SharedMemory stats(shared::Dimensions{4, 1});
    const LoadResult result = Load(Sealed(other), kOrigin, *stats);
    EXPECT_TRUE(result.loaded || Untouched(*stats));
    TakeSnapshot(*stats);
  }
  for (int round = 0; round < 2'000; ++round) {
    std::string noise(random() % 400, '\0');
    for (char& one : noise) {
      one = byte();
    }
    EXPECT_NE(Refusal(noise), "");
    EXPECT_NE(Refusal(Sealed(bytes.substr(0, kHeaderAt) + noise)), "");
  }
}

}  // namespace
}  // namespace pg_hello::persistence
