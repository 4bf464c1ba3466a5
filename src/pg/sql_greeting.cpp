// The functions that work wherever the library can be loaded, preloaded or not.
#include "pg/pg.h"
#include "pg/settings.h"
#include "pg/shared_memory.h"

#include <cstring>

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

#pragma GCC visibility push(default)
extern "C" {

PG_FUNCTION_INFO_V1(pg_hello_greet);
PG_FUNCTION_INFO_V1(pg_hello_now_ms);
PG_FUNCTION_INFO_V1(pg_hello_spi_version);

PGDLLEXPORT Datum pg_hello_greet(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_now_ms(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum pg_hello_spi_version(PG_FUNCTION_ARGS);

// "Hello, NAME!", pg_hello.repeat times. Bytes are copied as they are: the server's encoding is an
// extension of ASCII, and nothing is cut.
Datum pg_hello_greet(PG_FUNCTION_ARGS) {
  static constexpr char kBefore[] = "Hello, ";
  static constexpr char kAfter[] = "! ";
  const text* name = PG_GETARG_TEXT_PP(0);
  const auto name_size = static_cast<std::size_t>(VARSIZE_ANY_EXHDR(name));
  const std::size_t once = sizeof(kBefore) - 1 + name_size + sizeof(kAfter) - 1;
  const auto times = static_cast<std::size_t>(pg_hello::pg::settings.repeat);
  const std::size_t size = once * times - 1;  // no blank after the last
  if (size > MaxAllocSize - VARHDRSZ) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("greeting is too long"),
                    errdetail("%zu repetitions of %zu bytes exceed the limit of %zu bytes.", times,
                              once, static_cast<std::size_t>(MaxAllocSize - VARHDRSZ)),
                    errhint("Lower \"pg_hello.repeat\".")));
  }
  auto* greeting = static_cast<text*>(palloc(size + VARHDRSZ + 1));
  char* end = VARDATA(greeting);
  for (std::size_t i = 0; i < times; ++i) {
    std::memcpy(end, kBefore, sizeof(kBefore) - 1);
    end += sizeof(kBefore) - 1;
    std::memcpy(end, VARDATA_ANY(name), name_size);
    end += name_size;
    std::memcpy(end, kAfter, sizeof(kAfter) - 1);
    end += sizeof(kAfter) - 1;
  }
  SET_VARSIZE(greeting, size + VARHDRSZ);
  PG_RETURN_TEXT_P(greeting);
}

Datum pg_hello_now_ms(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT64(pg_hello::pg::UnixTimeUs() / 1000);
}

Datum pg_hello_spi_version(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  MemoryContext caller = CurrentMemoryContext;
  if (SPI_connect() != SPI_OK_CONNECT) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not connect to SPI")));
  }
  const int result = SPI_execute("SELECT pg_catalog.version()", true, 1);
  if (result != SPI_OK_SELECT || SPI_processed != 1) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("could not fetch the server's version through SPI"),
                    errdetail("SPI result: %s.", SPI_result_code_string(result))));
  }
  const char* version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
  MemoryContext spi = MemoryContextSwitchTo(caller);
  text* copy = cstring_to_text(version);
  MemoryContextSwitchTo(spi);
  SPI_finish();
  PG_RETURN_TEXT_P(copy);
}

}  // extern "C"
#pragma GCC visibility pop
