// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720, 12.1 and B.4) and of PostgreSQL's WAL: the
// reflected polynomial 0x1EDC6F41, one table of 256 entries. It finds every flipped byte.
#ifndef PG_HELLO_PERSISTENCE_CRC32C_H
#define PG_HELLO_PERSISTENCE_CRC32C_H

#include <array>
#include <cstdint>
#include <string_view>

namespace pg_hello::persistence {

namespace internal {

inline constexpr std::array<std::uint32_t, 256> kCrc32cTable = []() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f63b78U : 0);
    }
    table[byte] = rest;
  }
  return table;
}();

}  // namespace internal

constexpr std::uint32_t Crc32c(std::string_view bytes) {
  std::uint32_t crc = UINT32_MAX;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ internal::kCrc32cTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return ~crc;
}

}  // namespace pg_hello::persistence

#endif  // PG_HELLO_PERSISTENCE_CRC32C_H
