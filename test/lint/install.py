#!/usr/bin/env python3
"""`meson install` respects DESTDIR and puts each file where pg_config, or the build's options, say.

usage: install.py BUILD_DIR PG_CONFIG [FILE ...]
  FILE  installed besides, as the build was told
"""

import os
import pathlib
import subprocess
import sys
import tempfile


def main():
    build, pg_config = sys.argv[1:3]
    ask = lambda name: subprocess.run([pg_config, name], check=True, capture_output=True, text=True).stdout.strip()
    pkglibdir, extension = ask("--pkglibdir"), ask("--sharedir") + "/extension"
    expected = {
        f"{pkglibdir}/pg_hello.so",
        f"{extension}/pg_hello.control",
        f"{extension}/pg_hello--1.0.sql",
        f"{extension}/pg_hello--1.0--1.1.sql",
        *sys.argv[3:],
    }
    with tempfile.TemporaryDirectory() as destdir:
        subprocess.run(
            ["meson", "install", "-C", build, "--no-rebuild", "--quiet"],
            check=True, env={**os.environ, "DESTDIR": destdir}, stdout=subprocess.DEVNULL,
        )
        installed = {
            "/" + str(path.relative_to(destdir)) for path in pathlib.Path(destdir).rglob("*") if path.is_file()
        }
    for path in sorted(expected - installed):
        print(f"missing: {path}")
    for path in sorted(installed - expected):
        print(f"not expected: {path}")
    print("\n".join(sorted(installed)))
    sys.exit(0 if installed == expected else 1)


if __name__ == "__main__":
    main()
