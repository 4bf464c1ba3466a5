#!/usr/bin/env python3
"""The tables in docs/tracking.md say what is counted where, and a test proves each line.

Every row of a table of that page whose first column is headed "called from" or "call site" is the
name of at least one case (context(), kept(), switched()) in test/integration/t, and every case's
name is a row.

usage: contexts.py SOURCE_ROOT
"""

import pathlib
import re
import sys

HEADS = {"called from", "call site"}
CASE = re.compile(r"^\s*(?:context|kept|switched)\('([^']+)'", re.MULTILINE)


def rows(page):
    """The first cells of the tables, as they are without mark-up."""
    head = None
    for line in page.splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cell = line.split("|")[1].strip().replace("`", "").replace("**", "")
        if head is None:
            head = cell
        elif head in HEADS and not re.fullmatch(r"[-: ]+", cell):
            yield cell


def main():
    root = pathlib.Path(sys.argv[1])
    table = list(rows((root / "docs/tracking.md").read_text()))
    cases = {name for test in root.glob("test/integration/t/*.pl") for name in CASE.findall(test.read_text())}
    faults = [f"docs/tracking.md has two rows '{row}'" for row in sorted(set(table)) if table.count(row) > 1]
    faults += [f"docs/tracking.md: no test has a case '{row}'" for row in sorted(set(table) - cases)]
    faults += [f"docs/tracking.md has no row '{case}', which a test has" for case in sorted(cases - set(table))]
    if len(table) < 40:
        faults.append(f"only {len(table)} rows found in docs/tracking.md: has it changed its form?")
    print("\n".join(faults) or f"each of {len(table)} rows has a test")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
