#!/usr/bin/env python3
"""What the module shows of itself to other modules, and what it does before it is asked to.

- It exports its entry points and nothing else.
- It has no static constructors: they would run in every backend, and their destructors in exit().
- The core asks for no PostgreSQL symbol.

usage: symbols.py MODULE CORE_LIBRARY POSTGRES
"""

import subprocess
import sys

# What the server looks up by name, besides SQL functions, each of which has its pg_finfo_ beside it.
ENTRY_POINTS = {"Pg_magic_func", "_PG_init", "pg_hello_probe_main", "pg_hello_worker_main"}


def is_entry_point(name, exported):
    function = name.removeprefix("pg_finfo_")
    return name in ENTRY_POINTS or {function, f"pg_finfo_{function}"} <= exported


def symbols(*arguments):
    lines = subprocess.run(["nm", *arguments], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in lines.splitlines() if line and not line.endswith(":")]


def main():
    module, core, postgres = sys.argv[1:4]
    faults = []

    exported = [words[-1] for words in symbols("-D", "--defined-only", module)]
    faults += [f"exports {name}" for name in exported if not is_entry_point(name, set(exported))]
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
