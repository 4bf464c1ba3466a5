#!/usr/bin/env python3
"""Whatever names the version names the same one.

usage: versions.py SOURCE_ROOT VERSION
"""

import json
import pathlib
import re
import sys


def named(root):
    def first(file, pattern):
        return re.search(pattern, (root / file).read_text(encoding="utf-8"), re.MULTILINE)[1]

    pgxn = json.loads((root / "META.json").read_text(encoding="utf-8"))
    return {
        "sql/pg_hello.control": first("sql/pg_hello.control", r"^default_version = '(.+)'$"),
        "docs/CHANGELOG.md": first("docs/CHANGELOG.md", r"^## ([\d.]+)"),
        "debian/changelog": first("debian/changelog", r"^pg-hello \((.+)-\d+\)"),
        "packaging/pg_hello.spec": first("packaging/pg_hello.spec", r"^Version: +(.+)$"),
        # PGXN wants three numbers.
        "META.json": re.sub(r"\.0$", "", pgxn["version"]),
        "META.json, provides": re.sub(r"\.0$", "", pgxn["provides"]["pg_hello"]["version"]),
    }


def main():
    root, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    wrong = {file: found for file, found in named(root).items() if found != version}
    for file, found in wrong.items():
        print(f"{file} names {found}, meson.build {version}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
