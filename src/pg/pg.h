// The one way into PostgreSQL's headers: C linkage, and without the macros that it puts over names
// of the C library, which C++ headers use. Included only from src/pg, and always first.
#ifndef PG_HELLO_PG_PG_H
#define PG_HELLO_PG_PG_H

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
}

#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef vsnprintf
#undef strerror
#undef strerror_r
#undef gettext
#undef dgettext
#undef ngettext
#undef dngettext
#undef bind
#undef unix

#endif  // PG_HELLO_PG_PG_H
