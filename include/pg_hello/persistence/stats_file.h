// All counters as the bytes of a file, for the time in which the server is stopped: written at a
// clean shutdown, read at the next start and removed then. While the server runs there is no file,
// so a crash starts at zero and a base backup carries none.
//
//   magic 8 | format version 4 | CRC-32C of all that follows 4 | length of the file 8
//   header: origin, layout, times, the collector's own counters, number of databases and rows
//   databases: oid, overflow, name
//   rows, first come, first: key, since when, names, counters; of buckets and error classes only
//   those in use
//
// Integers are little endian; a text is its length (2 bytes) and its bytes. About 0.5 kB a
// function. What backends have counted and not yet merged into rows is in the rows of the file.
//
// Stale files. A file belongs to one stop of one server: its origin names the data directory and
// where its data stood. If the server has run since without pg_hello, has crashed, was rewound, or
// the directory came out of a backup of a running server, the origin differs and the file is
// refused. What cannot be told apart is a copy of the whole directory of a stopped server: a server
// that starts from it, a standby too, starts with the numbers of the one that was copied. Where
// that is not wanted, leave pg_stat/pg_hello.stat out of the copy.
#ifndef PG_HELLO_PERSISTENCE_STATS_FILE_H
#define PG_HELLO_PERSISTENCE_STATS_FILE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pg_hello::shared {
class SharedStats;
}

namespace pg_hello::persistence {

inline constexpr std::uint32_t kFormatVersion = 1;

// Larger files are neither kept nor read.
inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30;

// The server that was stopped, and where.
struct Origin {
  std::uint32_t postgres_major = 0;
  std::uint64_t system_identifier = 0;
  std::uint32_t timeline = 0;
  std::uint64_t checkpoint = 0;          // the last one, in the WAL
  std::uint64_t min_recovery_point = 0;  // how far a standby had come; 0 on a primary

  friend bool operator==(const Origin&, const Origin&) = default;
};

// The file's bytes. REQUIRES: nobody counts any more and nobody will. Changes nothing. May throw
// std::bad_alloc.
std::string Save(shared::SharedStats& stats, const Origin& origin, std::int64_t now_us);

struct LoadResult {
  bool loaded = false;
  std::string why_not;  // a sentence; empty if loaded
  std::uint32_t rows = 0;
  std::uint32_t rows_left_out = 0;  // for which the table has no place
};

// Takes the file's counters over into `stats`, whole or not at all; only rows beyond the table's
// size are left out. Any bytes are allowed. REQUIRES: `stats` is as Create() made it, and nobody
// else has it yet. May throw std::bad_alloc, before anything is changed.
LoadResult Load(std::string_view bytes, const Origin& origin, shared::SharedStats& stats);

}  // namespace pg_hello::persistence

#endif  // PG_HELLO_PERSISTENCE_STATS_FILE_H
