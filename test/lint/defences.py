#!/usr/bin/env python3
"""Each defence in docs/security.md names a test, and that test exists.

A table whose last column is headed "test" has in each row's last cell one or more of
    `unit SUITE.NAME`      a GoogleTest below test/unit
    `integration NAME`     test/integration/t/NAME.pl, registered in test/meson.build
    `regress NAME`         test/regress/sql/NAME.sql, in the schedule
    `fuzz NAME`            test/fuzz/NAME_fuzz.cpp or test/NAME/*.py
    `prometheus NAME`      test/prometheus/NAME.py
    `lint NAME`            test/lint/NAME.py
    `abuse TEXT`           an attack of test/abuse/run.py or handshakes.py

usage: defences.py SOURCE_ROOT
"""

import pathlib
import re
import sys

REFERENCE = re.compile(r"`(unit|integration|regress|fuzz|prometheus|lint|abuse) ([^`]+)`")


def rows(page):
    """The cells of each row of a table whose last column is headed "test"."""
    wanted = None
    for line in page.splitlines():
        if not line.startswith("|"):
            wanted = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if wanted is None:
            wanted = cells[-1] == "test"
        elif wanted and not re.fullmatch(r"[-: ]+", cells[0]):
            yield cells


def text_of(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


def exists(test, kind, name):
    if kind == "unit":
        suite, _, case = name.partition(".")
        declared = re.compile(rf"\bTEST(?:_F)?\({re.escape(suite)},\s*{re.escape(case)}\)")
        return any(declared.search(text_of(file)) for file in test.glob("unit/*/*_test.cpp"))
    if kind == "integration":
        return (test / f"integration/t/{name}.pl").exists() and f"'{name}'" in text_of(test / "meson.build")
    if kind == "regress":
        scheduled = f"test: {name}" in text_of(test / "regress/schedule").splitlines()
        return (test / f"regress/sql/{name}.sql").exists() and scheduled
    if kind == "fuzz":
        return (test / f"fuzz/{name}_fuzz.cpp").exists() or any(test.glob(f"{name}/*.py"))
    if kind == "abuse":
        return name in text_of(test / "abuse/run.py") + text_of(test / "abuse/handshakes.py")
    return (test / kind / f"{name}.py").exists()


def faults(root):
    count = 0
    for cells in rows(text_of(root / "docs/security.md")):
        count += 1
        references = REFERENCE.findall(cells[-1])
        if not references:
            yield f"no test proves: {cells[0]}"
        for kind, name in references:
            if not exists(root / "test", kind, name):
                yield f"there is no {kind} test \"{name}\", which is to prove: {cells[0]}"
    if count < 20:
        yield f"only {count} defences in docs/security.md: have the tables changed?"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "each defence has its test")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
