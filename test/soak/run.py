#!/usr/bin/env python3
"""Hours of mixed load, or minutes: nothing grows, and what is counted is what the clients did.

Fails if memory or descriptors of the worker or of a lasting backend grow, or memory that is shared (the slope after a
warm-up, test/soak/judge.py); if at a quiet moment, about each minute and at the end, calls, errors, cancels or their
SQLSTATE classes are not exactly what the clients counted; if a dropped function is still there; if an answer is wrong;
if the worker is another one; on a crash, and on processes that are left behind.

usage: run.py [--hours N | --minutes N] [--json FILE] [--lose N]
"""

import argparse
import collections
import json
import os
import pathlib
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from judge import growth  # noqa: E402
from load import SETUP, Load  # noqa: E402
from private_server import PrivateServer, wait_for  # noqa: E402
from process import Process  # noqa: E402
from tap import Tap, report_log  # noqa: E402
from truth import Truth, differences  # noqa: E402

# What a series may grow by after the warm-up: allocators and caches of the server settle slowly.
MOST = {"memory kB": 1024, "descriptors": 1, "rows": 1}
# A backend keeps the files of the relations that it has used open, and closes them when they change.
MOST_OF_BACKEND = {**MOST, "descriptors": 12}
CHECK_EVERY = 60


def counted(server):
    rows = json.loads(server.sql("""SELECT json_object_agg(function, json_build_object('calls', calls, 'errors', errors,
        'canceled', canceled, 'origins', error_origins)) FROM pg_hello_stats
        WHERE schema = 'public' AND extension IS NULL"""))
    return {name: {**row, "origins": row["origins"] or {}} for name, row in rows.items()}


def active_rows(server):
    return int(server.sql("SELECT coalesce(sum(active), 0) FROM pg_hello_stats WHERE extension IS NULL"))


class Soak:
    def __init__(self, tap, server, options):
        self.tap, self.server, self.options = tap, server, options
        server.sql(SETUP)
        asked = "SELECT port, worker_pid FROM pg_hello_info() WHERE listening"
        port, self.worker = (int(word) for word in wait_for("the port", lambda: server.sql(asked)).split("|"))
        self.postmaster = Process(server.postmaster_pid())
        self.truth = Truth()
        self.load = Load(server, port, self.truth, options.lose)
        self.series = collections.defaultdict(list)
        self.seconds = options.hours * 3600 + options.minutes * 60
        self.drift, self.checks = [], 0

    def sample(self, at):
        for name, pid in {"worker": self.worker, **self.load.lasting_pids}.items():
            process = Process(pid)
            self.series[f"{name}: memory kB"].append((at, process.memory_kb()))
            self.series[f"{name}: descriptors"].append((at, process.descriptors()))
        self.series["postmaster: descriptors"].append((at, self.postmaster.descriptors()))
        segments = (file.stat().st_size for file in (self.server.data / "pg_dynshmem").iterdir())
        self.series["dynamic shared memory: memory kB"].append((at, sum(segments) // 1024))

    def check(self, at):
        """At a quiet moment."""
        self.load.pause()
        self.checks += 1
        # Nobody else calls functions now, so there is nothing to wait for.
        self.drift += [f"after {at:.0f} s: {line}" for line in differences(self.truth.copy(), counted(self.server))]
        if active := active_rows(self.server):
            self.drift.append(f"after {at:.0f} s: {active} calls run, though nobody calls")
        self.series["shared table: rows"].append((at, int(self.server.sql("SELECT count(*) FROM pg_hello_stats"))))
        print(f"# {at:.0f} of {self.seconds:.0f} s: {len(self.drift)} differences, {len(self.load.faults)} faults, "
              f"worker {self.series['worker: memory kB'][-1][1]} kB; "
              + ", ".join(f"{name} {number:,}" for name, number in sorted(self.load.done.items())), flush=True)

    def run(self):
        began, checked = time.monotonic(), 0.0
        interval = max(0.5, min(60, self.seconds / 300))
        cpu = self.postmaster.children_cpu_seconds()
        self.load.start()
        while (at := time.monotonic() - began) < self.seconds and not self.load.faults:
            time.sleep(interval)
            if at - checked > CHECK_EVERY:
                self.check(at)
                checked = at
                self.load.resume()
            self.sample(at)
        self.check(at)
        self.load.stop()
        wait_for("the end of all sessions", lambda: self.server.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == "1")
        print(f"# CPU time of the sessions that ended, per second: "
              f"{(self.postmaster.children_cpu_seconds() - cpu) / at:.2f}", flush=True)

    def judge(self):
        for name, points in sorted(self.series.items()):
            if name == "shared table: rows" and len(points) < 12:
                self.tap.ok(points[-1][1] <= points[0][1] + 1, f"{name} do not grow", points)
                continue
            owner, _, what = name.rpartition(": ")
            grown, most = growth(points), (MOST_OF_BACKEND if owner in self.load.lasting_pids else MOST)[what]
            self.tap.ok(grown < most, f"{name} do not grow", f"by {grown:.1f}, and {most} is the most")
            print(f"# {name}: {points[-1][1]}, growth {grown:.1f}", flush=True)
        self.tap.equal(self.drift[:5], [], f"at {self.checks} quiet moments, what is counted is what was done")
        self.tap.equal(self.load.faults[:3], [], "every client got what it asked for")
        info = self.server.sql("SELECT worker_pid FROM pg_hello_info()")
        self.tap.equal(info, str(self.worker), "the worker is the same all along")
        metrics = self.server.sql("SELECT pg_hello_metrics()").splitlines()
        lost = [line for line in metrics if line.startswith(("pg_hello_overflow_calls_total{", "pg_hello_stack_resyncs_total "))
                and not line.endswith(" 0")]
        self.tap.equal(lost, [], "no call was left out")


def run_tests(tap, server, options):
    soak = Soak(tap, server, options)
    try:
        soak.run()
    finally:
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(
                {"series": soak.series, "done": soak.load.done, "faults": soak.load.faults, "drift": soak.drift}),
                encoding="utf-8")
    soak.judge()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--json", help="where all samples are written")
    parser.add_argument("--lose", type=int, default=0, help="calls that are made and not counted: the soak must fail")
    options = parser.parse_args()
    if options.hours + options.minutes <= 0:
        options.minutes = 10
    tap = Tap()
    server = PrivateServer(settings={"max_connections": 40, "pg_hello.track": "all", "pg_hello.probe_interval": "1s",
                                     # A backend takes up what it kept of dropped functions when it has met 4,096
                                     # more than this: early, so that what comes after is judged.
                                     "pg_hello.max_functions": 500,
                                     "log_min_messages": "warning", "log_min_error_statement": "panic",
                                     "autovacuum_naptime": "10s",
                                     # Where it can be seen that they are this server's.
                                     "dynamic_shared_memory_type": "mmap"})
    try:
        with server:
            run_tests(tap, server, options)
    except Exception:  # what went wrong is a failed test; the log below may say why
        tap.ok(False, "the soak ran to its end", traceback.format_exc())
    report_log(tap, server)
    tap.equal(server.processes(), [], "no process is left behind")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
