"""A good client that is served all the same, while others attack."""

import os
import time

from attacks import Running
from private_server import wait_for
from watch import kernel_memory_kb, percentile

SECONDS = float(os.environ.get("PG_HELLO_ABUSE_SECONDS", "4"))
PAUSE = 0.02
MOST_P99_MS = 500


class Beside:
    """A good client beside attacks on `port`. `scrape(port)`: what watch.scrape does.

    `memory_beside_kb`: what of the worker's memory is there beside nine bodies and what it has when nobody attacks.
    `most_p99_of_quiet`: so many times as long as without an attack a scrape may take on a machine that is busy with
    something else.
    """

    def __init__(self, tap, port, worker, scrape, memory_beside_kb, most_p99_of_quiet=10):
        self.tap, self.port, self.worker, self.scrape = tap, port, worker, scrape
        self.memory_beside_kb, self.most_p99_of_quiet = memory_beside_kb, most_p99_of_quiet
        self.memory_kb = self.body_kb = 0

    def settle(self, descriptors):
        wait_for("all connections to be gone", lambda: self.worker.descriptors() <= descriptors)

    def scrapes(self, until):
        """Latencies in ms, and faults, of the good client's scrapes."""
        took, faults = [], []
        memory = kernel = 0
        while not until():
            seconds, fault, length = self.scrape(self.port)
            self.body_kb = max(self.body_kb, length // 1024)
            took.append(seconds * 1000)
            if fault:
                faults.append(fault)
            memory = max(memory, self.worker.memory_kb())
            kernel = max(kernel, kernel_memory_kb())
            time.sleep(PAUSE)
        self.memory_kb = max(self.memory_kb, memory)
        return took, faults, memory, kernel

    def for_a_while(self):
        end = time.monotonic() + SECONDS
        return lambda: time.monotonic() > end

    def quiet(self):
        took, faults, memory, kernel = self.scrapes(self.for_a_while())
        self.p99_ms = max(MOST_P99_MS, self.most_p99_of_quiet * percentile(took, 0.99))
        self.most_kb = memory + 9 * self.body_kb + self.memory_beside_kb
        print(f"# a body has {self.body_kb} kB; the worker may take {self.most_kb / 1024:.1f} MB", flush=True)
        self.report("nobody else", took, memory, kernel, 0, {})
        self.tap.equal(faults[:3], [], "every scrape succeeds without an attack")

    def under(self, name, attack, until=None):
        before = self.worker.descriptors()
        with Running(attack, self.port) as running:
            cpu, began = self.worker.cpu_seconds(), time.monotonic()
            took, faults, memory, kernel = self.scrapes(until(running) if until else self.for_a_while())
            share = (self.worker.cpu_seconds() - cpu) / (time.monotonic() - began)
        self.report(name, took, memory, kernel, share, running.counts)
        self.tap.equal(faults[:3], [], f"{name}: every scrape succeeds")
        p99 = percentile(took, 0.99)
        self.tap.ok(p99 < self.p99_ms, f"{name}: its p99 is below {self.p99_ms:.0f} ms", f"{p99:.0f} ms")
        self.tap.ok(memory < self.most_kb, f"{name}: memory is bounded", f"{memory} kB")
        self.settle(before)
        self.tap.ok(self.worker.descriptors() <= before, f"{name}: no descriptor is left behind")
        return running.counts

    @staticmethod
    def report(name, took, memory, kernel, share, counts):
        print(f"# {name}: {len(took)} scrapes, p50 {percentile(took, 0.5):.0f} ms, p99 {percentile(took, 0.99):.0f} ms, "
              f"most {max(took):.0f} ms; memory {memory / 1024:.1f} MB, kernel {kernel / 1024:.0f} MB, "
              f"CPU {share:.2f}; {', '.join(f'{k}: {v:,}' for k, v in sorted(counts.items()))}", flush=True)
