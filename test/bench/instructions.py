"""Instructions per call and per short transaction, counted by callgrind. From run to run a call's differ by a
few, a transaction's by a few hundred, whatever else the machine does.

All of it runs in one process, `postgres --single` below valgrind, and once more in one that has not
loaded pg_hello: "not loaded" against "none" is what pg_hello costs where nothing is tracked.

callgrind starts a new count each time a statement calls pg_backend_pid(), so that each count is of one
stretch of statements; each stretch is run with n calls and with 2 n, and the difference, over n, is
free of what a statement costs. Not free of two differences to an ordinary run: clock_gettime() is a
system call there (its instructions, which `track_functions` pays for, are not counted), and calls take
so much longer that all of them go the histogram's longer way.
"""

import pathlib
import re
import subprocess
import sys

from private_server import test_dir
from workload import CALLS, CONFIGURATIONS, Progress

COMPARED = ("none", "track_functions", "pg_hello", "both")
NOT_LOADED = "not loaded"
SHORT = "short transaction (3 calls)"
TRANSACTIONS = 20


def mark(statements, marks, what):
    statements.append("SELECT pg_backend_pid()")
    marks.append(what)


def script(configurations):
    """The statements, and for each mark what has been counted there: None or (name, configuration, n)."""
    statements, marks = [], []
    for configuration in configurations:
        if configuration != NOT_LOADED:
            track_functions, track, _ = CONFIGURATIONS[configuration]
            statements += [f"SET track_functions = '{track_functions}'", f"SET pg_hello.track = '{track}'"]
        for name, (statement, _, calls) in CALLS.items():
            n = calls // 10
            statements += [statement.format(n=n)] * 2
            mark(statements, marks, None)
            for some in (n, 2 * n):
                statements.append(statement.format(n=some))
                mark(statements, marks, (name, configuration, some))
        statements += ["PREPARE short(integer) AS SELECT quote($1)"] + ["EXECUTE short(5)"] * 12
        mark(statements, marks, None)
        # Several times, and the least counts: once a second, a transaction's end writes statistics.
        for n in (TRANSACTIONS, 2 * TRANSACTIONS) * 6:
            statements += ["EXECUTE short(5)"] * n
            mark(statements, marks, (SHORT, configuration, n))
        statements.append("DEALLOCATE short")
    return statements, marks


def measure(data):
    """`data`: the directory of a server that has been set up and is stopped."""
    loaded = count(data, "callgrind", COMPARED, [])
    not_loaded = count(data, "callgrind-not-loaded", (NOT_LOADED,), ["-c", "shared_preload_libraries="])
    counts = {name: {**by, **not_loaded[name]} for name, by in loaded.items()}
    return {"unit": "instructions per tracked call (of the short transaction: per transaction)",
            "counts": {name: {NOT_LOADED: by[NOT_LOADED], "none": by["none"],
                              "added": {c: by[c] - by["none"] for c in COMPARED if c != "none"}}
                       for name, by in counts.items()}}


def count(data, name, configurations, options):
    statements, marks = script(configurations)
    counts = test_dir() / name
    with open(test_dir() / f"{name}.log", "w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--dump-before=pg_backend_pid",
             "postgres", "--single", "-D", data, *options, "postgres"],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True)
        progress = Progress(f"instructions ({', '.join(configurations)}), counts", len(marks))
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
    if process.returncode != 0 or "ERROR:" in output or not path(counts, len(marks) - 1).exists():
        raise RuntimeError(f"postgres --single below valgrind failed:\n{output[-3000:]}")
    return summarize(counts, marks)


def path(counts, number):
    return pathlib.Path(f"{counts}.{number + 1}")


def total(file):
    return int(re.search(r"^totals: (\d+)", file.read_text(encoding="utf-8"), re.MULTILINE).group(1))


def summarize(counts, marks):
    least = {}
    for number, what in enumerate(marks):
        if what is not None:
            name, configuration, n = what
            of_n = least.setdefault(name, {}).setdefault(configuration, {})
            of_n[n] = min(total(path(counts, number)), of_n.get(n, sys.maxsize))
    return {name: {configuration: per_call(name, of_n) for configuration, of_n in by.items()}
            for name, by in least.items()}


def per_call(name, of_n):
    (n, count), (n_twice, count_twice) = sorted(of_n.items())
    return (count_twice - count) / (n_twice - n) / (CALLS[name][1] if name in CALLS else 1)


def table(result):
    shown = [c for c in COMPARED if c != "none"]
    yield "Instructions per tracked call, counted by callgrind; in parentheses, in relation to none"
    yield ""
    yield f"| function | {NOT_LOADED} | none | " + " | ".join(shown) + " |"
    yield "|---|---:|---:|" + "---:|" * len(shown)
    for name, row in result["counts"].items():
        cells = [f"{row['added'][c]:+.0f} ({row['added'][c] / row['none']:+.1%})" for c in shown]
        yield f"| {name} | {row[NOT_LOADED]:.0f} | {row['none']:.0f} | " + " | ".join(cells) + " |"
