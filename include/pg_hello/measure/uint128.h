// 128 bits, where the product of two 64-bit numbers has to be exact. An extension of the compilers
// that PostgreSQL is built with.
#ifndef PG_HELLO_MEASURE_UINT128_H
#define PG_HELLO_MEASURE_UINT128_H

namespace pg_hello::measure {

__extension__ typedef unsigned __int128 Uint128;

}  // namespace pg_hello::measure

#endif  // PG_HELLO_MEASURE_UINT128_H
