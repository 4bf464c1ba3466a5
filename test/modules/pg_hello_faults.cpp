// Makes the functions of others that pg_hello calls fail, in one session, when a test says so. The
// library under test is the one that is installed: this module finds it in memory and puts
// functions of its own between it and the server, in the table through which it calls (ELF's global
// offset table). Nothing in pg_hello knows of it.
//
//   session_preload_libraries = 'pg_hello_faults'
//   pg_hello_faults.at = 'SearchSysCache1 3'    the third call of it fails from then on, once
//   SHOW pg_hello_faults.outcome                'failed', or 'met N' times so far
//   SHOW pg_hello_faults.points                 what can be made to fail
#include "pg/pg.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/proclang.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/nodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

namespace {

// clang-format off
#define FOR_EACH_POINT(X) \
  X(AcceptInvalidationMessages) X(AllocSetContextCreateInternal) X(CommandCounterIncrement) \
  X(FindDefaultConversionProc) X(GetSysCacheHashValue) X(RegisterSubXactCallback) \
  X(RegisterXactCallback) X(ResourceOwnerCreate) X(SearchSysCache1) X(SearchSysCacheExists) \
  X(SysCacheGetAttr) X(appendStringInfoChar) X(format_type_be_qualified) \
  X(getExtensionOfObject) X(get_database_name) X(get_extension_name) X(get_extension_oid) \
  X(get_language_name) X(get_namespace_name) X(initStringInfo) X(isAnyTempNamespace) \
  X(nocachegetattr) X(palloc) \
  X(pg_do_encoding_conversion_buf) X(quote_identifier) X(raw_parser) X(stringToNode) \
  X(systable_beginscan) X(systable_endscan) X(systable_getnext) X(table_close) X(table_open) \
  X(text_to_cstring)
// clang-format on

struct Point {
  const char* name;
  void* replacement;
};

// What fails, and when. `wanted`: 0 for never.
const char* armed = "";
long wanted = 0;
long met = 0;
bool failed = false;

bool IsTime(const char* name) {
  if (wanted == 0 || std::strcmp(name, armed) != 0 || ++met != wanted) {
    return false;
  }
  failed = true;
  return true;
}

void Meet(const char* name) {
  if (IsTime(name)) {
    ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("injected into %s()", name)));
  }
}

template <const char* kName, auto kOriginal>
struct Failing;
template <const char* kName, typename R, typename... A, R (*kOriginal)(A...)>
struct Failing<kName, kOriginal> {
  static R Call(A... arguments) {
    Meet(kName);
    return kOriginal(arguments...);
  }
};

#define NAME_OF(function) constexpr char kName_##function[] = #function;
FOR_EACH_POINT(NAME_OF)

// With variable arguments, so not like the others.
void AppendFailing(StringInfo text, const char* format, ...) {
  Meet("appendStringInfo");
  for (;;) {
    va_list arguments;
    va_start(arguments, format);
    const int needed = appendStringInfoVA(text, format, arguments);
    va_end(arguments);
    if (needed == 0) {
      return;
    }
    enlargeStringInfo(text, needed);
  }
}

// Which would rather have null than an error.
void* AllocateFailing(MemoryContext context, Size size, int flags) {
  if ((flags & MCXT_ALLOC_NO_OOM) != 0 && IsTime("MemoryContextAllocExtended")) {
    return nullptr;
  }
  return MemoryContextAllocExtended(context, size, flags);
}

void* NewFailing(std::size_t size) {
  if (IsTime("_Znwm")) {
    throw std::bad_alloc();
  }
  return ::operator new(size);
}

#define POINT_OF(function) \
  {kName_##function, reinterpret_cast<void*>(Failing<kName_##function, &function>::Call)},
const Point kPoints[] = {
    FOR_EACH_POINT(POINT_OF){"appendStringInfo", reinterpret_cast<void*>(AppendFailing)},
    {"MemoryContextAllocExtended", reinterpret_cast<void*>(AllocateFailing)},
    {"_Znwm", reinterpret_cast<void*>(NewFailing)},
};

// --- the table ---------------------------------------------------------------------------------

void Replace(void** place, void* value) {
  const auto page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(place) & ~(page_size - 1);
  if (mprotect(reinterpret_cast<void*>(page), page_size, PROT_READ | PROT_WRITE) != 0) {
    ereport(FATAL, (errmsg("pg_hello_faults: the table cannot be written")));
  }
  *place = value;
  mprotect(reinterpret_cast<void*>(page), page_size, PROT_READ);
}

struct Library {
  const char* strings;
  const ElfW(Sym) * symbols;
  const ElfW(Rela) * relocations[2];
  std::size_t sizes[2];
};

void ReplaceIn(const Library& library, ElfW(Addr) base) {
  for (int table = 0; table < 2; ++table) {
    for (std::size_t i = 0; i < library.sizes[table] / sizeof(ElfW(Rela)); ++i) {
      const ElfW(Rela)& relocation = library.relocations[table][i];
      const char* name = library.strings + library.symbols[ELF64_R_SYM(relocation.r_info)].st_name;
      for (const Point& point : kPoints) {
        if (std::strcmp(name, point.name) == 0 && relocation.r_addend == 0) {
          Replace(reinterpret_cast<void**>(base + relocation.r_offset), point.replacement);
        }
      }
    }
  }
}

int ReplaceInPgHello(dl_phdr_info* info, std::size_t, void* found) {
  const std::string_view name = info->dlpi_name;
  constexpr std::string_view kEnd = "/pg_hello.so";
  if (name.size() < kEnd.size() || name.substr(name.size() - kEnd.size()) != kEnd) {
    return 0;
  }
  Library library{};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) {
      continue;
    }
    auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      switch (entry->d_tag) {
        case DT_STRTAB:
          library.strings = reinterpret_cast<const char*>(entry->d_un.d_ptr);
          break;
        case DT_SYMTAB:
          library.symbols = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
          break;
        case DT_JMPREL:
          library.relocations[0] = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
          break;
        case DT_PLTRELSZ:
          library.sizes[0] = entry->d_un.d_val;
          break;
        case DT_RELA:
          library.relocations[1] = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
          break;
        case DT_RELASZ:
          library.sizes[1] = entry->d_un.d_val;
          break;
        default:
          break;
      }
    }
  }
  ReplaceIn(library, info->dlpi_addr);
  *static_cast<bool*>(found) = true;
  return 1;
}

// --- settings ------------------------------------------------------------------------------------

char* at = nullptr;
char* outcome = nullptr;
char* points = nullptr;

extern "C" {

static void Arm(const char* value, void*) {
  static char name[64];
  name[0] = '\0';
  wanted = 0;
  met = 0;
  failed = false;
  long number = 0;
  if (value != nullptr && std::sscanf(value, "%63s %ld", name, &number) == 2) {
    wanted = number;
  }
  armed = name;
}

static const char* ShowOutcome() {
  static char text[32];
  std::snprintf(text, sizeof(text), failed ? "failed" : "met %ld", met);
  return text;
}

static const char* ShowPoints() {
  static char text[4096];
  std::size_t used = 0;
  for (const Point& point : kPoints) {
    used += static_cast<std::size_t>(
        std::snprintf(text + used, sizeof(text) - used, "%s ", point.name));
  }
  return text;
}

}  // extern "C"

}  // namespace

extern "C" void _PG_init(void) {
  bool found = false;
  dl_iterate_phdr(ReplaceInPgHello, &found);
  if (!found) {
    ereport(FATAL, (errmsg("pg_hello_faults: there is no pg_hello")));
  }
  DefineCustomStringVariable("pg_hello_faults.at", "What fails, and at which call.", nullptr, &at,
                             "", PGC_USERSET, 0, nullptr, Arm, nullptr);
  DefineCustomStringVariable("pg_hello_faults.outcome", "What has come of it.", nullptr, &outcome,
                             "", PGC_USERSET, 0, nullptr, nullptr, ShowOutcome);
  DefineCustomStringVariable("pg_hello_faults.points", "What can be made to fail.", nullptr,
                             &points, "", PGC_USERSET, 0, nullptr, nullptr, ShowPoints);
}
