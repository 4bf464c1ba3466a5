#!/usr/bin/env python3
"""Strangers do their worst, and a good client is served all the same.

While each attack of attacks.py goes on, a good client on the same machine scrapes over new connections: every
scrape succeeds, with a p99 below half a second; the worker's memory is bounded, and afterwards it has as many
open descriptors as before. Then transactions are compared with and without an attack.

Each attack takes PG_HELLO_ABUSE_SECONDS (4 unless told); figures are printed.
"""

import os
import pathlib
import statistics
import sys
import time

sys.path[:0] = [os.path.join(os.environ["PG_HELLO_STAGE"], folder) for folder in ("support", "prometheus")]
import attacks  # noqa: E402
from attacks import Crowd, Flood, Running  # noqa: E402
from beside import SECONDS, Beside  # noqa: E402
from harness import Tap, run_to_end  # noqa: E402
from private_server import PrivateServer, run, wait_for  # noqa: E402
from process import Process  # noqa: E402
from watch import scrape  # noqa: E402

FUNCTIONS = 400
# What is there beside nine bodies (docs/scraping.md): 256 heads, one picture, one compressor.
MEMORY_BESIDE_KB = 256 * 8 + FUNCTIONS * 5 + 300
# Of one CPU, while connections are held.
MOST_CPU = 0.25
MALFORMED = 100_000

CORPUS = pathlib.Path(os.environ["PG_HELLO_STAGE"]) / "corpus"


def corpus():
    requests = [file.read_bytes() for folder in ("request_head", "router")
                for file in sorted((CORPUS / folder).iterdir())]
    return [request if b"\n" in request else b"GET " + request + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
            for request in requests if request]


def scenarios():
    half = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    asking = lambda number: attacks.KINDS[number % len(attacks.KINDS)]
    get = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunked = b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return {
        "1,000 idle connections": Crowd(1000),
        "1,000 idle connections after a request": Crowd(1000, hello=lambda _: get),
        "500 slow senders": Crowd(500, hello=lambda _: half, drip=b"x"),
        "500 slow readers": Crowd(500, hello=asking, sip=1, receive_buffer=2048),
        "500 half-open sockets": Crowd(500, hello=lambda _: half, leave=True),
        "500 clients that leave": Crowd(500, hello=asking, leave=True, sip=0, receive_buffer=2048),
        "heads of 10 MB": Flood(attacks.pieces_of(10_000_000, half, b"x" * 65536)),
        "10 MB of fields": Flood(attacks.pieces_of(10_000_000, half + b"\r\n", b"A: b\r\n" * 10_000)),
        "endless chunked bodies": Flood(attacks.endless(chunked, b"1000\r\n" + b"x" * 4096 + b"\r\n")),
        "endless pipelines": Flood(attacks.endless(get, get * 1000)),
        "endless pipelines, unread": Flood(attacks.endless(get, get * 1000), read=False),
        "50 concurrent scrapers": Flood(lambda number: iter([asking(number).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]),
                                        lanes=50, finish=False),
    }


class Abuse(Beside):
    def __init__(self, tap, server, port, worker):
        super().__init__(tap, port, worker, scrape, MEMORY_BESIDE_KB)
        self.server = server

    def malformed(self):
        name = f"{MALFORMED:,} malformed requests"
        flood = Flood(attacks.malformed(corpus()), lanes=50, total=MALFORMED)
        counts = self.under(name, flood, until=lambda running: running.ended)
        self.tap.ok(counts.get("connections", 0) >= MALFORMED, f"{name}: all have come to their end", counts)
        self.tap.ok(counts.get("status 400", 0) > MALFORMED / 4, f"{name}: many are refused as such", counts)
        self.tap.equal(counts.get("status 500", 0), 0, f"{name}: none is an internal error")

    def descriptors(self):
        undo = self.worker.limit_descriptors(20)
        try:
            self.under("without descriptors", Crowd(300))
        finally:
            undo()

    def throughput(self):
        """What transactions cost beside an attack, and how many there are in a second, as a share of before and after it.

        The first is judged: how many there are depends on what else the machine does.
        """
        script = pathlib.Path(os.environ["TESTDIR"]) / "call.sql"
        script.write_text("SELECT f1(1), f2(2);\n", encoding="utf-8")
        postmaster = Process(self.server.postmaster_pid())

        def bench(*how):
            children, cpu = len(postmaster.children()), postmaster.children_cpu_seconds()
            text = run("pgbench", *self.server.connection(), "--no-vacuum", "--client=1", "--protocol=prepared",
                       *how, f"--file={script}", "postgres")
            tps = next(float(line.split("=")[1].split()[0]) for line in text.splitlines() if line.startswith("tps"))
            wait_for("the end of the backend", lambda: len(postmaster.children()) <= children)
            return tps, postmaster.children_cpu_seconds() - cpu

        tps, _ = bench(f"--time={max(1, round(SECONDS / 3))}")
        how = f"--transactions={max(5000, round(tps * SECONDS / 3))}"
        asking = lambda number: attacks.KINDS[number % len(attacks.KINDS)]
        for name, attack in {
            "1,000 idle connections": Crowd(1000),
            "500 slow senders": Crowd(500, hello=lambda _: b"GET / HTTP/1.1\r\nX: ", drip=b"x"),
            "500 slow readers": Crowd(500, hello=asking, sip=1, receive_buffer=2048),
        }.items():
            costs, noise, rates, cpu = [], [], [], []
            tps_before, before = bench(how)
            for _ in range(5):
                with Running(attack, self.port):
                    began, used = time.monotonic(), self.worker.cpu_seconds()
                    tps_beside, beside = bench(how)
                    cpu.append((self.worker.cpu_seconds() - used) / (time.monotonic() - began))
                tps_after, after = bench(how)
                costs.append(2 * beside / (before + after))
                noise.append(abs(after / before - 1))
                rates.append(2 * tps_beside / (tps_before + tps_after))
                tps_before, before = tps_after, after
            cost, tolerance = statistics.median(costs), max(0.05, 2 * statistics.median(noise))
            print(f"# beside {name}: a transaction takes {cost:.3f} of its CPU time without, each "
                  f"{' '.join(f'{c:.2f}' for c in costs)}, noise {statistics.median(noise):.3f}; transactions per second "
                  f"{statistics.median(rates):.2f} of those without; worker's CPU {statistics.median(cpu):.3f}", flush=True)
            self.tap.ok(cost < 1 + tolerance, f"{name}: transactions cost no more than without, but for noise",
                        f"{cost:.3f}, tolerance {tolerance:.3f}")
            self.tap.ok(statistics.median(cpu) < MOST_CPU, f"{name}: the worker takes little of the CPU", cpu)


def run_tests(tap, server):
    server.sql("CREATE EXTENSION pg_hello")
    server.sql("DO $$ BEGIN FOR i IN 1 .. " + str(FUNCTIONS) + """ LOOP
        EXECUTE format('CREATE FUNCTION f%s(i int) RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN i; END''', i);
        EXECUTE format('SELECT f%s(1)', i); END LOOP; END $$""")
    asked = "SELECT port, worker_pid FROM pg_hello_info() WHERE listening"
    port, pid = (int(word) for word in wait_for("the port", lambda: server.sql(asked)).split("|"))
    abuse = Abuse(tap, server, port, Process(pid))
    abuse.quiet()
    for name, attack in scenarios().items():
        abuse.under(name, attack)
    abuse.malformed()
    abuse.descriptors()
    abuse.throughput()
    tap.equal(server.sql("SELECT worker_pid FROM pg_hello_info()"), str(pid), "the worker is the same all along")
    print(f"# most memory of all: {abuse.memory_kb / 1024:.1f} MB", flush=True)


def main():
    return run_to_end(run_tests, Tap(), PrivateServer(settings={
        "pg_hello.metrics_max_histograms": FUNCTIONS, "max_connections": 20}))


if __name__ == "__main__":
    sys.exit(main())
