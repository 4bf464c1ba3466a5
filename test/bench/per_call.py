#!/usr/bin/env python3
"""Cost of a tracked call: nothing, track_functions = all and pg_hello.track = all, side by side.

One backend of one server runs `SELECT count(f(i)) FROM generate_series(1, n) i` under each
configuration in turn, in shuffled order, round after round, so that a machine that slows down for a
while slows all of them down. What is measured is the backend's CPU time (/proc/PID/schedstat), not
the wall clock. Printed are medians over the rounds of each configuration's cost per call and of the
differences to "none" in the same round, and the ratio of the two overheads. "none (again)" is
"none" measured a second time: how far it is from zero shows how far to trust the rest.

Runs in the stage that scripts/bench makes.  usage: per_call.py [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer  # noqa: E402

# name -> (definition, calls in one measurement)
FUNCTIONS = {
    "C": ("CREATE FUNCTION f_c(integer) RETURNS integer AS 'pg_hello_test', 'pg_hello_test_noop'"
          " LANGUAGE C IMMUTABLE STRICT", "f_c", 100_000),
    "plpgsql": ("CREATE FUNCTION f_pl(i integer) RETURNS integer LANGUAGE plpgsql AS"
                " 'BEGIN RETURN i; END'", "f_pl", 50_000),
    "SQL": ("CREATE FUNCTION f_sql(i integer) RETURNS integer LANGUAGE sql AS"
            " 'SELECT i LIMIT 1'", "f_sql", 25_000),
}

# name -> (track_functions, pg_hello.track, pg_hello.clock)
CONFIGURATIONS = {
    "none": ("none", "none", "auto"),
    "track_functions": ("all", "none", "auto"),
    "pg_hello": ("none", "all", "auto"),
    "pg_hello monotonic": ("none", "all", "monotonic"),
    "none (again)": ("none", "none", "auto"),
}


class Session:
    """One psql, and so one backend, driven statement by statement."""

    def __init__(self, server):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *server.connection(), "postgres"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.pid = int(self.run("SELECT pg_backend_pid()"))

    def run(self, sql):
        self.psql.stdin.write(sql + ";\n\\echo done\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "done\n":
                return "".join(lines).strip()
            lines.append(line)
        raise RuntimeError(f"psql ended during: {sql}")

    def cpu_ns(self):
        return int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def cost_per_call(session, configuration, function, calls):
    track_functions, track, clock = CONFIGURATIONS[configuration]
    session.run(f"SET track_functions = '{track_functions}'; SET pg_hello.track = '{track}';"
                f" SET pg_hello.clock = '{clock}'")
    before = session.cpu_ns()
    session.run(f"SELECT count({function}(i)) FROM generate_series(1, {calls}) i")
    return (session.cpu_ns() - before) / calls


def measure(session, rounds):
    costs = {name: {configuration: [] for configuration in CONFIGURATIONS} for name in FUNCTIONS}
    order = [(name, configuration) for name in FUNCTIONS for configuration in CONFIGURATIONS]
    for turn in range(rounds + 1):  # the first only warms up
        random.shuffle(order)
        for name, configuration in order:
            _, function, calls = FUNCTIONS[name]
            cost = cost_per_call(session, configuration, function, calls)
            if turn > 0:
                costs[name][configuration].append(cost)
        if sys.stderr.isatty():
            print(f"\rround {turn} of {rounds} ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return costs


def tenth_percentile(values):
    return sorted(values)[len(values) // 10]


def summarize(costs):
    summary = {}
    for name, by_configuration in costs.items():
        none = tenth_percentile(by_configuration["none"])
        none_median = statistics.median(by_configuration["none"])
        added, added_median = {}, {}
        for configuration, values in by_configuration.items():
            if configuration != "none":
                added[configuration] = tenth_percentile(values) - none
                added_median[configuration] = statistics.median(values) - none_median
        summary[name] = {
            "none_ns": none,
            "added_ns": added,
            "ratio": added["pg_hello"] / added["track_functions"],
            "ratio_monotonic": added["pg_hello monotonic"] / added["track_functions"],
            "median": {"none_ns": none_median, "added_ns": added_median},
        }
    return summary


def print_table(summary, rounds):
    print(f"CPU ns per call, 10th percentile of {rounds} interleaved rounds; + is what is added to none\n")
    print(f"{'function':10}{'none':>8}{'(again)':>10}{'track_functions':>17}{'pg_hello':>10}{'ratio':>7}"
          f"{'pg_hello, monotonic':>21}{'ratio':>7}")
    for name, row in summary.items():
        added = row["added_ns"]
        print(f"{name:10}{row['none_ns']:8.0f}{added['none (again)']:+10.1f}"
              f"{added['track_functions']:+17.1f}{added['pg_hello']:+10.1f}{row['ratio']:7.2f}"
              f"{added['pg_hello monotonic']:+21.1f}{row['ratio_monotonic']:7.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    settings = {"autovacuum": "off", "jit": "off", "max_parallel_workers_per_gather": "0"}
    with PrivateServer("bench", settings=settings) as server:
        session = Session(server)
        clock = session.run("CREATE EXTENSION pg_hello; SELECT clock_source FROM pg_hello_info()")
        for definition, _, _ in FUNCTIONS.values():
            session.run(definition)
        summary = summarize(measure(session, options.rounds))
        version = session.run("SHOW server_version")
        session.close()
    print(f"PostgreSQL {version}, clock: {clock}")
    print_table(summary, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(
            {"postgres": version, "clock": clock, "rounds": options.rounds, "functions": summary}, indent=2))


if __name__ == "__main__":
    main()
