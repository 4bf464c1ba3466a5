#!/usr/bin/env python3
"""Runs the fuzzers that scripts/fuzz has built, and shows in one table how it went.

usage: run.py CORPUS BUILD [--seconds N] [--runs N] [--seed N] [--keep] [TARGET ...]
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MAX_BYTES = 4096  # of an input
HANG_SECONDS = 10
MAX_RSS_MB = 1024


def statistic(name, log):
    found = re.search(rf"stat::{name}:\s+(\d+)", log)
    return int(found.group(1)) if found else None


class Target:
    def __init__(self, name, corpus, build):
        self.name = name
        self.kept = corpus / name
        self.binary = build / "test/fuzz" / f"fuzz_{name}"
        self.findings = build / "findings" / name
        self.log = build / "findings" / f"{name}.log"

    def fuzz(self, limits, inputs):
        """True if nothing was found. New inputs go into the directory `inputs`."""
        self.findings.mkdir(parents=True, exist_ok=True)
        before = set(self.findings.iterdir())
        with open(self.log, "w") as log:
            status = subprocess.run(
                [self.binary, *limits, f"-max_len={MAX_BYTES}", f"-timeout={HANG_SECONDS}",
                 f"-rss_limit_mb={MAX_RSS_MB}", f"-artifact_prefix={self.findings}/", "-print_final_stats=1",
                 inputs, self.kept],
                stdout=log, stderr=subprocess.STDOUT).returncode
        self.new_findings = sorted(set(self.findings.iterdir()) - before)
        return status == 0 and not self.new_findings

    def row(self):
        log = self.log.read_text(errors="replace")
        numbers = [statistic(name, log) for name in ("number_of_executed_units", "new_units_added", "peak_rss_mb")]
        return [self.name, *("?" if n is None else str(n) for n in numbers), str(len(self.new_findings))]

    def keep(self, inputs):
        """Makes the kept inputs the fewest that reach all that was reached."""
        with tempfile.TemporaryDirectory() as fewest:
            subprocess.run([self.binary, "-set_cover_merge=1", "-use_counters=0", f"-max_len={MAX_BYTES}", fewest, self.kept, inputs],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            chosen = {path.read_bytes() for path in pathlib.Path(fewest).iterdir()}
            # Inputs that have a name of their own were made by hand, and stay.
            for path in self.kept.iterdir():
                if path.read_bytes() in chosen:
                    chosen.remove(path.read_bytes())
                elif re.fullmatch(r"[0-9a-f]{40}", path.name):
                    path.unlink()
            for path in pathlib.Path(fewest).iterdir():
                if path.read_bytes() in chosen:
                    shutil.copyfile(path, self.kept / path.name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_intermixed_args()

    known = sorted(path.name for path in arguments.corpus.iterdir() if path.is_dir())
    for name in arguments.targets:
        if name not in known:
            parser.error(f"no target {name}; there are {', '.join(known)}")

    limits = [f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}", f"-seed={arguments.seed}"]
    rows = [["target", "executions", "new units", "peak RSS MB", "findings"]]
    failed = []
    for name in arguments.targets or known:
        target = Target(name, arguments.corpus.resolve(), arguments.build.resolve())
        with tempfile.TemporaryDirectory() as inputs:
            good = target.fuzz(limits, inputs)
            rows.append(target.row())
            if not good:
                failed.append(target)
            elif arguments.keep:
                target.keep(inputs)

    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:])), sep="  ")
    for target in failed:
        print(f"\n{target.name} failed, all of it in {target.log}; again: {target.binary} INPUT")
        for path in target.new_findings:
            print(f"  input: {path}")
        print("\n".join(target.log.read_text(errors="replace").splitlines()[-40:]))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
