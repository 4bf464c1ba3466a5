#!/usr/bin/env python3
"""What the module shows of itself to other modules, and what it does before it is asked to.

- It exports its entry points and nothing else.
- It has no static constructors: they would run in every backend, and their destructors in exit().
- The core asks for no PostgreSQL symbol.

usage: symbols.py MODULE CORE_LIBRARY POSTGRES
"""

import re
import subprocess
import sys

ENTRY_POINTS = re.compile(
    r"Pg_magic_func|_PG_init|pg_finfo_pg_hello_\w+|pg_hello_(greet|now_ms|spi_version|skipped_rows|stats_rows|active_rows|reset"
    r"|info|metrics|worker_main)"
)


def symbols(*arguments):
    lines = subprocess.run(["nm", *arguments], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in lines.splitlines() if line and not line.endswith(":")]


def main():
    module, core, postgres = sys.argv[1:4]
    faults = []

    exported = [words[-1] for words in symbols("-D", "--defined-only", module)]
    faults += [f"exports {name}" for name in exported if not ENTRY_POINTS.fullmatch(name)]
    if "_PG_init" not in exported:
        faults.append("does not export _PG_init")

    for name in (words[-1] for words in symbols(module)):
        if name.startswith(("_GLOBAL__sub_I", "__static_initialization_and_destruction")):
            faults.append(f"has a static constructor: {name}")

    server = {words[-1] for words in symbols("-D", "--defined-only", postgres)}
    # Names that the server shares with the C library, which it may replace.
    server -= {words[-1].split("@")[0] for words in symbols("-D", "--undefined-only", postgres)}
    wanted = {words[-1] for words in symbols("--undefined-only", core)}
    faults += [f"the core asks for the server's {name}" for name in sorted(wanted & server)]

    print("\n".join(faults) or f"{len(exported)} entry points, no static constructors, a pure core")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
