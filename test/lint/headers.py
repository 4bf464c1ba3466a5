#!/usr/bin/env python3
"""Each header compiles alone, and core headers do so without the way to PostgreSQL's.

usage: headers.py SOURCE_ROOT PG_INCLUDE_DIR COMPILER [FLAG ...]
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys


def compile_alone(root, header, compiler, flags):
    source = f'#include "{header}"\n#include "{header}"\n'
    command = [*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
               "-I", root / "include", "-I", root / "src", *flags, "-x", "c++", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return header, done.returncode, done.stderr


def main():
    root, pg_include = pathlib.Path(sys.argv[1]), sys.argv[2]
    compiler = [sys.argv[3]]
    flags = sys.argv[4:]
    pg_flags = ["-isystem", pg_include, "-D_GNU_SOURCE"]
    jobs = [(path.relative_to(root / "include"), flags) for path in root.glob("include/pg_hello/*/*.h")]
    jobs += [
        (path.relative_to(root / "src"), flags + (pg_flags if path.parent.name == "pg" else []))
        for path in root.glob("src/*/*.h")
    ]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, status, errors in pool.map(lambda job: compile_alone(root, job[0], compiler, job[1]), jobs):
            if status != 0:
                failed += 1
                print(f"{header} does not compile alone:\n{errors}")
    print(f"{len(jobs) - failed} of {len(jobs)} headers compile alone")
    sys.exit(1 if failed or len(jobs) < 20 else 0)


if __name__ == "__main__":
    main()
