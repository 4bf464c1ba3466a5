#!/usr/bin/env python3
"""What pg_hello costs: nothing, track_functions = all, pg_hello.track = all, both and plprofiler, side by side
in one server. Prints tables in Markdown and leaves all numbers in $TESTDIR/bench.json, which
scripts/bench copies to the file of its option --json.

parts:  calls         CPU time per call, by kind of function         (per_call.py)
        clients       the same with 1, 2, 4 and 8 clients            (clients.py)
        transactions  CPU time and throughput of whole transactions  (transactions.py)
        instructions  instructions per call, by callgrind            (instructions.py)

Runs in the stage that scripts/bench makes.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
import clients  # noqa: E402
import instructions  # noqa: E402
import per_call  # noqa: E402
import transactions  # noqa: E402
from private_server import PrivateServer, test_dir  # noqa: E402
from workload import SETTINGS, SETUP  # noqa: E402

PARTS = {"calls": per_call, "clients": clients, "transactions": transactions, "instructions": instructions}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds: a look, not a measurement")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of `calls`; the other parts' follow (300)")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, separated by commas")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.quick:
        options.rounds //= 10
    return options


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def conditions(server):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "postgres": server.sql("SHOW server_version"),
        "pg_hello": server.sql("SELECT version FROM pg_hello_info()"),
        "clock": server.sql("SELECT clock_source FROM pg_hello_info()"),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def measure(options, report):
    rounds = options.rounds
    with PrivateServer("bench", settings=SETTINGS) as server:
        setup = test_dir() / "setup.sql"
        setup.write_text(SETUP, encoding="utf-8")
        server.sql_file(setup)
        report["conditions"] = conditions(server)
        if "calls" in options.parts:
            report["calls"] = per_call.measure(server, rounds)
        if "clients" in options.parts:
            report["clients"] = clients.measure(server, max(rounds // 6, 5))
        if "transactions" in options.parts:
            report["transactions"] = transactions.measure(
                server, max(rounds // 2, 5), pgbench_rounds=max(rounds // 30, 2), seconds=2)
        report["conditions"]["load_after"] = round(os.getloadavg()[0], 2)
    if "instructions" in options.parts:
        report["instructions"] = instructions.measure(server.data)


def main():
    options = parse_arguments()
    report = {}
    measure(options, report)
    print(", ".join(f"{name}: {value}" for name, value in report["conditions"].items()))
    for part in options.parts:
        print(f"\n## {part}\n")
        print("\n".join(PARTS[part].table(report[part])))
    (test_dir() / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
