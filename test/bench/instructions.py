"""Instructions per call and per short transaction, counted by callgrind: they are the same again and
again, whatever else the machine does.

All of it runs in one process, `postgres --single` below valgrind. callgrind starts a new count each
time a statement calls pg_backend_pid(), so that each count is of one stretch of statements; each
stretch is run with n calls and with 2 n, and the difference, over n, is free of what a statement
costs. Not free of two differences to an ordinary run: clock_gettime() is a system call there (its
instructions, which `track_functions` pays for, are not counted), and calls take so much longer that
all of them go the histogram's longer way.
"""

import pathlib
import re
import subprocess

from private_server import test_dir
from workload import CALLS, CONFIGURATIONS, Progress

COMPARED = ("none", "track_functions", "pg_hello", "both")
SHORT = "short transaction (3 calls)"
TRANSACTIONS = 60


def mark(statements, marks, what):
    statements.append("SELECT pg_backend_pid()")
    marks.append(what)


def script():
    """The statements, and for each mark what has been counted there: None or (name, configuration, n)."""
    statements, marks = ["SELECT clock_source FROM pg_hello_info()"], []
    for configuration in COMPARED:
        track_functions, track, _ = CONFIGURATIONS[configuration]
        statements += [f"SET track_functions = '{track_functions}'", f"SET pg_hello.track = '{track}'"]
        for name, (statement, _, calls) in CALLS.items():
            n = calls // 10
            statements += [statement.format(n=n)] * 2
            mark(statements, marks, None)
            for count in (n, 2 * n):
                statements.append(statement.format(n=count))
                mark(statements, marks, (name, configuration, count))
        statements += ["PREPARE short(integer) AS SELECT quote($1)"] + ["EXECUTE short(5)"] * 12
        mark(statements, marks, None)
        for count in (TRANSACTIONS, 2 * TRANSACTIONS):
            statements += ["EXECUTE short(5)"] * count
            mark(statements, marks, (SHORT, configuration, count))
        statements.append("DEALLOCATE short")
    return statements, marks


def measure(data):
    """`data`: the directory of a server that has been set up and is stopped."""
    statements, marks = script()
    counts = test_dir() / "callgrind"
    with open(test_dir() / "callgrind.log", "w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--dump-before=pg_backend_pid",
             "postgres", "--single", "-D", data, "postgres"],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
        progress = Progress("instructions, counts", len(marks))
        try:
            process.stdin.write("".join(f"{statement}\n" for statement in statements))
            process.stdin.close()
            while process.poll() is None:
                try:
                    process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    pass
                progress.step(sum(path(counts, i).exists() for i in range(len(marks))))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        output = log.read()
    if process.returncode != 0 or not re.search(r'clock_source = "', output) or "ERROR:" in output:
        raise RuntimeError(f"postgres --single below valgrind failed:\n{output[-3000:]}")
    return {"clock": re.search(r'clock_source = "(\w+)"', output).group(1),
            "unit": "instructions per tracked call (of the short transaction: per transaction)",
            "counts": summarize(counts, marks)}


def path(counts, number):
    return pathlib.Path(f"{counts}.{number + 1}")


def total(file):
    return int(re.search(r"^totals: (\d+)", file.read_text(encoding="utf-8"), re.MULTILINE).group(1))


def summarize(counts, marks):
    first, per_call = {}, {}
    for number, what in enumerate(marks):
        if what is None:
            continue
        name, configuration, n = what
        count = total(path(counts, number))
        if (name, configuration) in first:
            n_before, count_before = first[name, configuration]
            calls = CALLS[name][1] if name in CALLS else 1
            per_call.setdefault(name, {})[configuration] = (count - count_before) / (n - n_before) / calls
        else:
            first[name, configuration] = (n, count)
    return {name: {"none": by["none"], "added": {c: by[c] - by["none"] for c in COMPARED if c != "none"}}
            for name, by in per_call.items()}


def table(result):
    shown = [c for c in COMPARED if c != "none"]
    yield f"Instructions per tracked call, counted by callgrind (clock: {result['clock']}); they are exact but for a few"
    yield ""
    yield "| function | none | " + " | ".join(shown) + " |"
    yield "|---|---:|" + "---:|" * len(shown)
    for name, row in result["counts"].items():
        cells = [f"{row['added'][c]:+.0f} ({row['added'][c] / row['none']:+.1%})" for c in shown]
        yield f"| {name} | {row['none']:.0f} | " + " | ".join(cells) + " |"
