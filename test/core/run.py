#!/usr/bin/env python3
"""PostgreSQL's own tests give the same results with pg_hello as without it.

Runs one of the server's suites twice against the staged server, first as it is and then with
pg_hello preloaded and tracking all it can, and compares what the two runs printed, byte by byte.
Whether a test passes is not asked: where the source is not exactly the installed server's, some
fail in both runs, in the same way.

What a test prints can depend on the moment, with pg_hello or without. So a test that differs is run
again, both ways, after those that stand before it, up to three times; if it is the same then, it is
named in the report, but is no fault.

usage: run.py regress|isolation SOURCE     (SOURCE: made by scripts/fetch-core-tests)
"""

import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import CRASH, test_dir  # noqa: E402

ATTEMPTS = 3

# Without a port: the server's own is chosen by pg_regress. With room for all functions that are made.
WITH_PG_HELLO = """
shared_preload_libraries = 'pg_hello'
pg_hello.track = 'all'
pg_hello.listen_addresses = ''
pg_hello.max_functions = 20000
"""


def outcomes(report):
    """What pg_regress says of each test; from PostgreSQL 16 on in TAP."""
    told = dict(re.findall(r"^(?:test|    ) (\S+) +\.\.\. (ok|FAILED|failed \(ignored\))", report, re.MULTILINE))
    for outcome, test in re.findall(r"^(ok|not ok) \d+ +[-+] (\S+)", report, re.MULTILINE):
        told[test] = "ok" if outcome == "ok" else "FAILED"
    return told


class Run:
    """One run of the suite. Its files are kept in `kept` when it is done."""

    def __init__(self, suite, source, name, conf):
        self.suite, self.source, self.name = suite, source, name
        self.kept = test_dir() / name
        self.conf = test_dir() / f"{name}.conf"
        self.conf.write_text("fsync = off\n" + conf, encoding="utf-8")
        # The same for all runs: what tests print has it in it.
        self.output = test_dir() / "run"

    def execute(self, until=None):
        for folder in (self.output, self.kept):
            shutil.rmtree(folder, ignore_errors=True)
        self.output.mkdir()
        pgxs_test = pathlib.Path(os.environ["PG_REGRESS"]).parent.parent
        program = {"regress": "regress/pg_regress", "isolation": "isolation/pg_isolation_regress"}
        inputs = self.source / "src/test" / self.suite
        schedule = {"regress": "parallel_schedule", "isolation": "isolation_schedule"}
        command = [
            pgxs_test / program[self.suite],
            f"--inputdir={inputs}", f"--outputdir={self.output}",
            f"--schedule={self.schedule(inputs / schedule[self.suite], until)}",
            f"--temp-instance={self.output / 'instance'}", f"--temp-config={self.conf}",
            f"--bindir={pathlib.Path(shutil.which('postgres')).parent}", "--no-locale", "--encoding=UTF8",
        ]
        if self.suite == "regress":
            command += [f"--dlpath={self.source / 'lib'}", "--max-concurrent-tests=20"]
        began = time.monotonic()
        with open(test_dir() / f"{self.name}.txt", "w", encoding="utf-8") as report:
            subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                           stdout=report, stderr=report, check=False)
        self.seconds = time.monotonic() - began
        shutil.rmtree(self.output / "instance", ignore_errors=True)
        self.output.rename(self.kept)
        self.tests = outcomes((test_dir() / f"{self.name}.txt").read_text(encoding="utf-8"))

    def schedule(self, whole, until):
        """The suite's schedule, or a copy that ends with the group that has the test `until`."""
        if until is None:
            return whole
        lines = whole.read_text(encoding="utf-8").splitlines()
        last = next(i for i, line in enumerate(lines)
                    if line.startswith("test:") and until in line.split()[1:])
        cut = test_dir() / "schedule"
        cut.write_text("\n".join(lines[: last + 1]) + "\n", encoding="utf-8")
        return cut

    def result(self, test):
        file = self.kept / "results" / f"{test}.out"
        return file.read_bytes() if file.exists() else None

    def failed(self):
        return sorted(test for test, outcome in self.tests.items() if outcome == "FAILED")

    def crash_lines(self):
        log = self.kept / "log" / "postmaster.log"
        return [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
                if CRASH.search(line)]


def differing(one, other):
    return sorted(test for test in {**one.tests, **other.tests}
                  if one.tests.get(test) != other.tests.get(test) or one.result(test) != other.result(test))


def show(one, other, test):
    texts = [(run.result(test) or b"").decode(errors="replace").splitlines() for run in (one, other)]
    print("\n".join(list(difflib.unified_diff(*texts, f"{test} without", f"{test} with", lineterm=""))[:60]))


def main():
    suite, source = sys.argv[1], pathlib.Path(sys.argv[2])
    without = Run(suite, source, "without", "")
    tracked = Run(suite, source, "with", WITH_PG_HELLO)
    for run in (without, tracked):
        run.execute()
        print(f"{run.name} pg_hello: {len(run.tests)} tests, {len(run.failed())} fail, {run.seconds:.0f} s")
    faults = []
    if not without.tests or set(without.tests) != set(tracked.tests):
        faults.append("the two runs did not run the same tests")
    for line in tracked.crash_lines():
        faults.append(f"server log: {line}")
    print(f"failing without pg_hello: {' '.join(without.failed()) or 'none'}")
    print(f"failing with pg_hello:    {' '.join(tracked.failed()) or 'none'}")

    for test in differing(without, tracked):
        show(without, tracked, test)
        for attempt in range(1, ATTEMPTS + 1):
            again = [Run(suite, source, f"{test}-{attempt}-{run.name}", run.conf.read_text())
                     for run in (without, tracked)]
            for run in again:
                run.execute(until=test)
            if test not in differing(*again):
                print(f"{test}: differs from moment to moment; the same at attempt {attempt}")
                break
            show(*again, test)
        else:
            faults.append(f"{test} is different with pg_hello, {ATTEMPTS + 1} times of {ATTEMPTS + 1}")
    print("\n".join(faults) or "the same results with pg_hello as without it")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
