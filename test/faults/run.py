#!/usr/bin/env python3
"""Everything that a server lives in fails, and pg_hello is there again afterwards, with numbers that are right.

While clients call functions and somebody scrapes: processes are killed (PG_HELLO_FAULT_CYCLES times, 200 unless told),
the server is shut down in each mode, the disk is full, the port taken, the clock stepped, memory, connections and
processes run out. After each: the server serves, the counters are consistent, and no process, memory or descriptor is
left behind.
"""

import os
import random
import sys
import time

sys.path[:0] = [os.path.join(os.environ["PG_HELLO_STAGE"], folder) for folder in ("support", "faults")]
import crashes  # noqa: E402
import shortages  # noqa: E402
import shutdowns  # noqa: E402
from cluster import Cluster, Load, Scraper, prepared_sql  # noqa: E402
from private_server import free_port, wait_for  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402

SEED = int(os.environ.get("PG_HELLO_FAULT_SEED", "1"))


class Faults:
    """What every fault is given, and what is asked after it."""

    def __init__(self, tap, server):
        self.tap, self.server = tap, server
        self.random = random.Random(SEED)
        self.postmaster_descriptors = self.least_descriptors(server.postmaster)
        self.worker_descriptors = self.least_descriptors(server.worker)
        self.load = self.scraper = None

    @staticmethod
    def least_descriptors(process):
        """A process', without connections that it has just accepted, which come and go under load."""
        counts = []
        for _ in range(20):
            counts.append(len(os.listdir(f"/proc/{wait_for('the process', process)}/fd")))
            time.sleep(0.01)
        return min(counts)

    def looks_well(self, what):
        """The server serves, its numbers are right, and nothing is left behind."""
        tap, server = self.tap, self.server
        server.note_memory()
        tap.equal(server.tells_truth(7), 7, f"{what}: calls are counted")
        tap.equal(self.scraper.faults[:3], [], f"{what}: every answer was consistent")
        self.scraper.faults.clear()
        wait_for("the worker to be well", lambda: server.get("/readyz")[0] == 200)
        strangers = [pid for pid in server.processes() if pid != server.postmaster() and parent(pid) != server.postmaster()]
        tap.equal(strangers, [], f"{what}: no orphan")
        now = self.least_descriptors(server.postmaster)
        tap.ok(now <= self.postmaster_descriptors, f"{what}: the postmaster has no more descriptors than at first", now)
        wait_for("the worker's descriptors", lambda: self.least_descriptors(server.worker) <= self.worker_descriptors)
        tap.ok(len(server.memory_left()) <= 2, f"{what}: shared memory is that of one server", server.memory_left())


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def run_tests(tap, server):
    prepared_sql(server)
    faults = Faults(tap, server)
    wanted = sys.argv[1:]
    with Load(server) as faults.load, Scraper(server) as faults.scraper:
        for name, fault in {**crashes.FAULTS, **shutdowns.FAULTS, **shortages.FAULTS}.items():
            if not wanted or name in wanted:
                began = time.monotonic()
                fault(faults)
                print(f"# {name}: {time.monotonic() - began:.0f} s", flush=True)
    scraper = faults.scraper
    print(f"# scrapes: {scraper.answers} answered, {scraper.silent} not, other answers {scraper.others}", flush=True)
    if not wanted:
        tap.ok(scraper.answers > crashes.CYCLES, "somebody scraped all along", scraper.answers)
        tap.ok(faults.load.sessions > crashes.CYCLES / 2, "functions were called all along", faults.load.sessions)
    wait_for("the clients' end", lambda: server.try_sql("SELECT NOT EXISTS (SELECT FROM pg_stat_activity "
                                                        "WHERE application_name = 'pgbench')") == "t")
    last = server.picture()
    tap.equal(last.errors("fails()"), last.calls("fails()"), "each call of what always fails is an error")
    tap.equal(last.active("naps()"), 0, "no call is under way")
    server.stop()
    tap.equal(server.left_behind(), {}, "no process is left")
    tap.equal(server.memory_left(), set(), "no shared memory is left")


def main():
    return run_to_end(run_tests, Tap(), Cluster(free_port()))


if __name__ == "__main__":
    sys.exit(main())
