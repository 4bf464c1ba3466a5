#!/usr/bin/env python3
"""Cost of a scrape, beside Debian's prometheus-postgres-exporter on the same server.

One server has 10, then 1,000, then 10,000 PL/pgSQL functions, each called some dozen times with
durations from about 1 us to some 100 us, so that every row has a histogram. Both sides answer the same
client over a kept-alive connection, in turn and in shuffled order, round after round: the exporter with
calls, total and self time of pg_stat_user_functions and nothing else; pg_hello in each format that it
has, plain and compressed, with everything and, if it filters by name[], with the same three numbers
only.

Printed are median and 99th percentile of the time to the last byte, CPU time of the process that
answers (of all threads; of the exporter and its backend), resident memory and bytes of the body. Then,
with pending counters in the slots of 100 backends: the cost of 16 scrapes at once against one, the
latency of /livez while scrapes are going on, the longest turn of the worker's loop. Last, which
targets were reached.

Runs in the stage that scripts/bench makes.  Writes all of it to bench.json as
well.  usage: scrape.py [--rounds N] [--sizes N,N]
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, free_port, test_dir, wait_for  # noqa: E402

BACKENDS = 100
CONCURRENT = 16

# name -> (Accept, what the Content-Type of such an answer begins with)
FORMATS = {
    "text": ("text/plain;version=0.0.4", "text/plain"),
    "openmetrics": ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text"),
    "protobuf": ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
                 "application/vnd.google.protobuf"),
}

THREE = ["pg_hello_function_calls_total", "pg_hello_function_inclusive_seconds_total",
         "pg_hello_function_self_seconds_total"]

QUERIES = """
pg_stat_user_functions:
  query: "SELECT current_database() AS datname, schemaname, funcname, calls, total_time / 1000 AS total_seconds, self_time / 1000 AS self_seconds FROM pg_stat_user_functions"
  metrics:
    - datname: {usage: LABEL, description: "database"}
    - schemaname: {usage: LABEL, description: "schema"}
    - funcname: {usage: LABEL, description: "function"}
    - calls: {usage: COUNTER, description: "calls"}
    - total_seconds: {usage: COUNTER, description: "total time"}
    - self_seconds: {usage: COUNTER, description: "self time"}
"""


class Client:
    """One kept-alive connection. Does as little as can be, for its time is in what is measured."""

    BUFFER = memoryview(bytearray(64 << 20))  # of all: an answer is looked at before the next is read

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = Client.BUFFER

    @staticmethod
    def request(path, accept, coding):
        more = f"Accept-Encoding: {coding}\r\n" if coding != "identity" else ""
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n{more}\r\n".encode()

    def send(self, request):
        self.socket.sendall(request)

    def receive(self):
        """Bytes of the body, head."""
        have, head, need = 0, None, None
        while True:
            count = self.socket.recv_into(self.buffer[have:])
            if count == 0:
                raise RuntimeError("the server closed the connection")
            have += count
            if head is None:
                start = bytes(self.buffer[:min(have, 4096)])
                end = start.find(b"\r\n\r\n")
                if end < 0:
                    continue
                head = start[:end].decode()
                length = re.search(r"(?mi)^content-length: (\d+)", head)
                need = end + 4 + int(length[1]) if length else None
            if need is None and bytes(self.buffer[have - 5:have]) == b"0\r\n\r\n":
                return have - len(head) - 4, head  # chunked
            if need is not None and have >= need:
                return have - len(head) - 4, head

    def body(self, size, head):
        return bytes(self.buffer[len(head) + 4:len(head) + 4 + size])

    def get(self, request):
        self.send(request)
        return self.receive()


def cpu_ns(pids):
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


def rss_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


class Subject:
    """Something that is scraped."""

    def __init__(self, name, port, pids, request):
        self.name, self.pids, self.request = name, pids, request
        self.port, self.client = port, None
        self.seconds, self.cpu, self.bytes = [], [], 0

    def measure(self, keep):
        if self.client is None:  # not before: a connection that says nothing is closed after 5 s
            self.client = Client(self.port)
        before = cpu_ns(self.pids)
        began = time.perf_counter()
        size, head = self.client.get(self.request)
        seconds = time.perf_counter() - began
        if not head.startswith("HTTP/1.1 200"):
            raise RuntimeError(f"{self.name}: {head.splitlines()[0]}")
        if keep:
            self.seconds.append(seconds)
            self.cpu.append(cpu_ns(self.pids) - before)
            self.bytes = size

    def summary(self):
        ordered = sorted(self.seconds)
        return {
            "median_ms": statistics.median(ordered) * 1e3,
            "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
            "cpu_ms": statistics.median(self.cpu) / 1e6,
            "bytes": self.bytes,
            "rss_kb": rss_kb(self.pids[0]),
        }


def start_exporter(server):
    queries = test_dir() / "queries.yaml"
    queries.write_text(QUERIES)
    port = free_port()
    dsn = f"host={server.host} port={server.PORT} user=postgres dbname=postgres sslmode=disable"
    process = subprocess.Popen(
        ["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{port}",
         f"--extend.query-path={queries}", "--disable-default-metrics", "--disable-settings-metrics",
         "--log.level=error"],
        env={**os.environ, "DATA_SOURCE_NAME": dsn}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=open(test_dir() / "exporter.log", "w", encoding="utf-8"))

    def answers():
        try:
            return Client(port)
        except OSError:
            return None
    wait_for("the exporter", answers)
    return process, port


def make_functions(server, begin, end):
    """Functions f_begin .. f_(end - 1), called with loops of several lengths."""
    server.sql(f"""
        DO $$ BEGIN FOR i IN {begin}..{end - 1} LOOP EXECUTE format(
          'CREATE FUNCTION f_%s(n integer) RETURNS integer LANGUAGE plpgsql AS '
          '''BEGIN FOR j IN 1..n LOOP END LOOP; RETURN n; END''', i); END LOOP; END $$""")
    server.sql(f"""
        DO $$ DECLARE n integer; BEGIN
          FOR i IN {begin}..{end - 1} LOOP FOREACH n IN ARRAY '{{0,3,10,30,100,300,1000,3000}}'::int[] LOOP
            EXECUTE format('SELECT f_%s(%s), f_%s(%s)', i, n, i, n + n / 2); END LOOP; END LOOP; END $$""")


def fill_slots(server, size):
    """Sessions that are there at the same time, and leave pending counters in a slot each."""
    sessions = [subprocess.Popen(
        ["psql", "-X", "-q", "-A", "-t", *server.connection(), "postgres"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(BACKENDS)]
    for session in sessions:
        calls = ", ".join(f"f_{random.randrange(size)}(1)" for _ in range(64))
        session.stdin.write(f"SELECT {calls};\n\\echo done\n")
        session.stdin.flush()
    for session in sessions:
        while session.stdout.readline() not in ("done\n", ""):
            pass
    for session in sessions:
        session.communicate()


def probe(client, path, accept, coding):
    request = Client.request(path, accept, coding)
    size, head = client.get(request)
    return request, head, client.body(size, head)


def find_subjects(worker, port, exporter_pids, exporter_port):
    subjects = [Subject("exporter, 3 numbers", exporter_port, exporter_pids,
                        Client.request("/metrics", FORMATS["text"][0], "identity"))]
    three = "/metrics?" + "&".join(f"name[]={name}" for name in THREE)
    client = Client(port)
    missing = []
    for name, (accept, content_type) in FORMATS.items():
        for what, path in (("3 numbers", three), ("everything", "/metrics")):
            for coding in ("identity", "gzip"):
                request, head, body = probe(client, path, accept, coding)
                full = f"{name}, {what}, {coding}"
                has_format = re.search(r"(?mi)^content-type: " + re.escape(content_type), head)
                has_coding = ("Content-Encoding: gzip" in head) == (coding == "gzip")
                has_filter = what == "everything" or coding == "gzip" or b"pg_hello_build_info" not in body
                if has_format and has_coding and has_filter:
                    subjects.append(Subject(full, port, [worker], request))
                else:
                    missing.append(full)
    names = {subject.name for subject in subjects}
    for subject in list(subjects):  # a filter shows only in a body that can be read
        plain = subject.name.replace("gzip", "identity")
        if "3 numbers, gzip" in subject.name and plain not in names:
            subjects.remove(subject)
            missing.append(subject.name)
    return subjects, missing


def measure_concurrent(worker, port, request):
    """CPU of one scrape and of CONCURRENT at once, medians of several."""
    clients = [Client(port) for _ in range(CONCURRENT)]
    alone, together = [], []
    for _ in range(9):
        before = cpu_ns([worker])
        clients[0].get(request)
        middle = cpu_ns([worker])
        for client in clients:
            client.send(request)
        for client in clients:
            client.receive()
        alone.append(middle - before)
        together.append(cpu_ns([worker]) - middle)
    return statistics.median(alone), statistics.median(together)


def watch_livez(port, seconds, results):
    client = Client(port)
    request = Client.request("/livez", "*/*", "identity")
    latencies = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client.get(request)
        latencies.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.001)
    results.put((statistics.median(latencies), max(latencies), len(latencies)))


def measure_livez(port, request, seconds=4):
    """Median and worst latency of /livez in milliseconds while scrapes follow one another."""
    results = multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch_livez, args=(port, seconds, results))
    watcher.start()
    client = Client(port)
    scrapes = 0
    while watcher.is_alive() and results.empty():
        client.get(request)
        scrapes += 1
    median, worst, count = results.get()
    watcher.join()
    return {"median_ms": median, "worst_ms": worst, "requests": count, "scrapes": scrapes}


def targets(sizes):
    """(what, value, least) of what is to be reached."""
    found = []

    def ratio(size, name):
        rows = sizes.get(size, {}).get("scrapes", {})
        if name in rows:
            return rows["exporter, 3 numbers"]["median_ms"] / rows[name]["median_ms"]
        return None
    for size, name, least in ((1000, "text, 3 numbers, identity", 25), (10000, "text, 3 numbers, identity", 20),
                              (1000, "text, everything, identity", 3), (1000, "protobuf, everything, identity", 8)):
        found.append((f"{size} functions, {name}: times faster than the exporter", ratio(size, name), least))
    for size, row in sizes.items():
        for name, (alone, together) in row["concurrent_cpu_ns"].items():
            found.append((f"{size} functions, {name}: {CONCURRENT} by one after the other to at once, in CPU",
                          CONCURRENT * alone / together, CONCURRENT / 4))
    return found


def print_size(size, row):
    print(f"\n{size} functions\n{'':34}{'median ms':>10}{'p99 ms':>9}{'CPU ms':>9}{'bytes':>11}{'RSS MB':>8}"
          f"{'times faster':>14}")
    exporter = row["scrapes"]["exporter, 3 numbers"]["median_ms"]
    for name, values in row["scrapes"].items():
        print(f"{name:34}{values['median_ms']:10.2f}{values['p99_ms']:9.2f}{values['cpu_ms']:9.2f}"
              f"{values['bytes']:11}{values['rss_kb'] / 1024:8.1f}{exporter / values['median_ms']:14.1f}")
    for name, (alone, together) in row["concurrent_cpu_ns"].items():
        print(f"{CONCURRENT} at once, {name}: {together / 1e6:.1f} ms of CPU, {together / alone:.1f} times one")
    livez = row["livez"]
    print(f"/livez during {livez['scrapes']} scrapes: median {livez['median_ms']:.2f} ms, worst"
          f" {livez['worst_ms']:.1f} ms of {livez['requests']}; longest turn of the loop"
          f" {row['longest_turn_ms']:.1f} ms")


def measure_size(server, size, exporter, exporter_port, worker, port, rounds):
    Client(exporter_port).get(Client.request("/metrics", "*/*", "identity"))  # opens its connection
    backends = server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                          " AND pid <> pg_backend_pid()")
    subjects, missing = find_subjects(
        worker, port, [exporter.pid, *map(int, backends.split())], exporter_port)
    for turn in range(rounds + 2):  # the first ones only warm up
        random.shuffle(subjects)
        for subject in subjects:
            subject.measure(keep=turn >= 2)
    subjects.sort(key=lambda subject: (subject.name != "exporter, 3 numbers", subject.name))
    scrapes = {subject.name: subject.summary() for subject in subjects}
    fill_slots(server, size)
    text = {coding: Client.request("/metrics", FORMATS["text"][0], coding) for coding in ("identity", "gzip")}
    row = {
        "scrapes": scrapes,
        "not_served": missing,
        "concurrent_cpu_ns": {f"text, {coding}": measure_concurrent(worker, port, request)
                              for coding, request in text.items()},
        "livez": measure_livez(port, text["gzip"]),
    }
    client = Client(port)
    longest = re.search(rb"^pg_hello_worker_longest_turn_seconds (\S+)$",
                        client.body(*client.get(text["identity"])), re.MULTILINE)
    row["longest_turn_ms"] = float(longest[1]) * 1e3
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--sizes", default="10,1000,10000")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.sizes.split(","))
    settings = {"autovacuum": "off", "jit": "off", "track_functions": "all", "max_connections": BACKENDS + 20,
                "pg_hello.max_functions": sizes[-1] + 100}
    results = {}
    with PrivateServer("scrape", settings=settings) as server:
        for name in ("pg_hello.metrics_max_functions", "pg_hello.metrics_max_histograms"):
            if server.sql(f"SELECT 1 FROM pg_settings WHERE name = '{name}'"):  # else there is no such limit
                server.sql(f"ALTER SYSTEM SET {name} = {sizes[-1]}")
                server.sql("SELECT pg_reload_conf()")
        port = int(wait_for("metrics", lambda: re.search(
            r"serving metrics on http://127\.0\.0\.1:(\d+)/", server.log_text()))[1])
        server.sql("CREATE EXTENSION pg_hello")
        worker = int(server.sql("SELECT worker_pid FROM pg_hello_info()"))
        version = server.sql("SHOW server_version")
        exporter, exporter_port = start_exporter(server)
        try:
            made = 0
            for size in sizes:
                make_functions(server, made, size)
                made = size
                results[size] = measure_size(server, size, exporter, exporter_port, worker, port, options.rounds)
                print_size(size, results[size])
        finally:
            exporter.terminate()
            exporter.wait()
    print(f"\nPostgreSQL {version}; {options.rounds} interleaved rounds")
    for missing in results[sizes[-1]]["not_served"]:
        print(f"not served: {missing}")
    for what, value, least in targets(results):
        if value is not None:
            print(f"{'reached' if value >= least else 'MISSED':8} {value:7.1f} (at least {least:g})  {what}")
    (test_dir() / "bench.json").write_text(json.dumps(
        {"postgres": version, "rounds": options.rounds, "sizes": results}, indent=2))


if __name__ == "__main__":
    main()
