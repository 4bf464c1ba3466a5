#!/usr/bin/env python3
"""Cost of a scrape, beside Debian's prometheus-postgres-exporter on the same server.

One server has 10, then 1,000, then 10,000 PL/pgSQL functions, each called some dozen times with
durations from about 1 us to some 100 us, so that every row has a histogram. Both sides answer the same
client over a kept-alive connection, in turn and in shuffled order, round after round: the exporter with
calls, total and self time of pg_stat_user_functions and nothing else; pg_hello in each format, plain
and compressed, with

  3 numbers   the same three, chosen by name[]
  native      everything, classic histograms for no function (in text, no histogram then)
  3 numbers and native histogram   the same three and the histogram, in protobuf
  defaults    everything, as pg_hello.metrics_max_functions and _max_histograms are by default
  everything  everything, classic histograms for all functions

and with the list of all functions in JSON. Printed are median and 99th percentile of the time to the
last byte, CPU time of the process that answers (of all threads; of the exporter and its backend),
resident memory, bytes of the body, and the medians of the ratios within a round. Then, with pending
counters in the slots of 100 backends: the cost of 16 scrapes at once against one, the latency of /livez
and of /health while scrapes are going on, the longest turn of the worker's loop. Last, how the time grows from the
second to the third size, and which targets were reached.

Output is Markdown.  Runs in the stage that scripts/bench makes.  Writes all of it to bench.json as
well.  usage: scrape.py [--rounds N] [--sizes N,N]
"""

import argparse
import json
import multiprocessing
import operator
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
CODINGS = ("identity", "gzip")
EXPORTER = "exporter, 3 numbers"

THREE = ["pg_hello_function_calls_total", "pg_hello_function_inclusive_seconds_total",
         "pg_hello_function_self_seconds_total"]

HISTOGRAM = "pg_hello_function_duration_seconds"

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
    """CPU time of all threads. The kernel adds to it when a thread pauses, which is after the last byte has
    come, so it is waited for; not for long, since some have always something to do."""
    tasks = [task for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    end = time.monotonic() + 0.1
    while time.monotonic() < end and any(
            (task / "stat").read_text().rpartition(")")[2].split()[0] == "R" for task in tasks):
        pass
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def rss_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


class Subject:
    """Something that is scraped."""

    def __init__(self, name, port, pids, request):
        self.name, self.pids, self.request = name, pids, request
        self.port, self.client = port, None
        self.seconds, self.cpu, self.bytes = [], [], 0
        self.exporter = None  # which was measured in the same rounds

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
            "times_faster": statistics.median(map(operator.truediv, self.exporter.seconds, self.seconds)),
            "times_less_cpu": statistics.median(map(operator.truediv, self.exporter.cpu, self.cpu)),
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


def set_budget(server, port, functions, histograms):
    """Sets how many functions and classic histograms are shown, and waits until they are."""
    for name, value in (("functions", functions), ("histograms", histograms)):
        server.sql(f"ALTER SYSTEM SET pg_hello.metrics_max_{name} = {value}" if value is not None else
                   f"ALTER SYSTEM RESET pg_hello.metrics_max_{name}")
    server.sql("SELECT pg_reload_conf()")
    shown = [int(server.sql(f"SELECT setting FROM pg_settings WHERE name = 'pg_hello.metrics_max_{name}'"))
             for name in ("functions", "histograms")]
    client = Client(port)
    request = Client.request("/metrics?name[]=pg_hello_*ed_*", FORMATS["text"][0], "identity")

    def values():
        size, head = client.get(request)
        return {name: int(value) for name, value in re.findall(
            r"^pg_hello_(\w+) (\d+)$", client.body(size, head).decode(), re.MULTILINE)}

    def reloaded():
        now = values()
        # pg_hello's own functions are shown besides; there are fewer than 100.
        return (now["exported_functions"] - min(now["tracked_functions"], shown[0]) in range(100) and
                now["exported_histograms"] - min(now["tracked_functions"], shown[1]) in range(100))
    wait_for("the new budget", reloaded)


def check(subject, content_type, coding):
    """That it is answered as asked: a figure for something else is worse than none."""
    client = Client(subject.port)
    size, head = client.get(subject.request)
    body = client.body(size, head)
    if not re.search(r"(?mi)^content-type: " + re.escape(content_type), head):
        raise RuntimeError(f"{subject.name}: {head}")
    if ("Content-Encoding: gzip" in head) != (coding == "gzip"):
        raise RuntimeError(f"{subject.name}: {head}")
    if coding == "identity" and (b"pg_hello_build_info" in body) == ("3 numbers" in subject.name):
        raise RuntimeError(f"{subject.name}: the body has other families than asked for")


def make_subjects(worker, port, what, names=(), formats=tuple(FORMATS)):
    """Subjects for the answer with the families `names`, by default with all."""
    query = "?" * bool(names) + "&".join(f"name[]={name}" for name in names)
    subjects = []
    for name in formats:
        accept, content_type = FORMATS[name]
        for coding in CODINGS:
            subject = Subject(f"{name}, {what}, {coding}", port, [worker],
                              Client.request("/metrics" + query, accept, coding))
            check(subject, content_type, coding)
            subjects.append(subject)
    return subjects


def interleave(subjects, rounds):
    """Measures all of them, round after round. The ratios to the first one are those of a round."""
    for turn in range(rounds + 2):  # the first ones only warm up
        order = list(subjects)
        random.shuffle(order)
        for subject in order:
            subject.measure(keep=turn >= 2)
    for subject in subjects:
        subject.exporter = subjects[0]


def scrapes_counted(port):
    """pg_hello_scrapes_total: bodies rendered so far, this one not yet among them."""
    client = Client(port)
    size, head = client.get(Client.request("/metrics?name[]=pg_hello_scrapes", FORMATS["text"][0], "identity"))
    return int(re.search(rb"^pg_hello_scrapes_total (\d+)$", client.body(size, head), re.MULTILINE)[1])


def measure_concurrent(worker, port, request):
    """CPU of one scrape and of CONCURRENT at once, and the bodies rendered for these; medians."""
    clients = [Client(port) for _ in range(CONCURRENT)]
    alone, together, bodies = [], [], []
    for _ in range(9):
        before = cpu_ns([worker])
        clients[0].get(request)
        alone.append(cpu_ns([worker]) - before)
        rendered = scrapes_counted(port)
        before = cpu_ns([worker])
        for client in clients:
            client.send(request)
        for client in clients:
            client.receive()
        together.append(cpu_ns([worker]) - before)
        bodies.append(scrapes_counted(port) - rendered - 1)
    return {"one_cpu_ns": statistics.median(alone), "together_cpu_ns": statistics.median(together),
            "bodies": statistics.median(bodies)}


def watch(port, path, seconds, results):
    client = Client(port)
    request = Client.request(path, "*/*", "identity")
    latencies = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        client.get(request)
        latencies.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.001)
    latencies.sort()
    results.put((statistics.median(latencies), latencies[len(latencies) * 99 // 100], latencies[-1], len(latencies)))


def measure_beside(port, path, request, seconds=4):
    """Latencies of `path` in milliseconds while scrapes follow one another."""
    results = multiprocessing.Queue()
    watcher = multiprocessing.Process(target=watch, args=(port, path, seconds, results))
    watcher.start()
    client = Client(port)
    scrapes = 0
    while watcher.is_alive() and results.empty():
        client.get(request)
        scrapes += 1
    median, p99, worst, count = results.get()
    watcher.join()
    return {"median_ms": median, "p99_ms": p99, "worst_ms": worst, "requests": count, "scrapes": scrapes}


def targets(sizes):
    """(what, value, bound, whether it is the least or the greatest allowed) of what is to be reached."""
    found = []
    for size, name, least in ((1000, "text, 3 numbers, identity", 25), (10000, "text, 3 numbers, identity", 20),
                              (1000, "text, everything, identity", 3), (1000, "protobuf, native, identity", 8),
                              (1000, "protobuf, 3 numbers and native histogram, identity", 8)):
        if size in sizes:
            found.append((f"{size:,} functions, {name}: times faster than the exporter",
                          sizes[size]["scrapes"][name]["times_faster"], least, True))
    for size, row in sizes.items():
        if size >= 1000:
            # Everything cannot be so short as it is, see docs/scraping.md; both are shown.
            for what in ("3 numbers and native histogram", "native"):
                for coding in CODINGS:
                    name = f"protobuf, {what}, {coding}"
                    found.append((f"{size:,} functions, {name}: bytes a function",
                                  row["scrapes"][name]["bytes"] / size, 500, False))
            for name, cost in row["concurrent"].items():
                found.append((f"{size:,} functions, {name}: bodies rendered for {CONCURRENT} at once",
                              cost["bodies"], 3, False))
        found.append((f"{size:,} functions: p99 of /health beside scrapes in ms", row["beside"]["/health"]["p99_ms"], 50, False))
        found.append((f"{size:,} functions: longest turn of the loop in ms", row["longest_turn_ms"], 50, False))
    if 1000 in sizes and 10000 in sizes:
        for name, row in sizes[10000]["scrapes"].items():
            if "identity" in name and "defaults" not in name:
                found.append((f"CPU a function at 10,000 in that at 1,000, {name}",
                              row["cpu_ms"] / 10 / sizes[1000]["scrapes"][name]["cpu_ms"], 1.5, False))
    return found


def print_size(size, row):
    print(f"\n### {size:,} functions\n\n| answer | median ms | p99 ms | CPU ms | bytes | bytes a function | RSS MB |"
          " times faster | times less CPU |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, values in row["scrapes"].items():
        print(f"| {name} | {values['median_ms']:.2f} | {values['p99_ms']:.2f} | {values['cpu_ms']:.2f} |"
              f" {values['bytes']} | {values['bytes'] / size:.0f} | {values['rss_kb'] / 1024:.1f} |"
              f" {values['times_faster']:.1f} | {values['times_less_cpu']:.1f} |")
    print()
    for name, cost in row["concurrent"].items():
        print(f"- {CONCURRENT} at once, {name}: {cost['bodies']:.0f} bodies rendered,"
              f" {cost['together_cpu_ns'] / 1e6:.1f} ms of CPU,"
              f" {cost['together_cpu_ns'] / cost['one_cpu_ns']:.1f} times one")
    for path, cost in row["beside"].items():
        print(f"- {path} during {cost['scrapes']} scrapes: median {cost['median_ms']:.2f} ms, p99 {cost['p99_ms']:.1f} ms,"
              f" worst {cost['worst_ms']:.1f} ms of {cost['requests']}")
    print(f"- longest turn of the loop {row['longest_turn_ms']:.1f} ms", flush=True)


def measure_size(server, size, exporter, exporter_port, worker, port, rounds):
    Client(exporter_port).get(Client.request("/metrics", "*/*", "identity"))  # opens its connection
    backends = server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                          " AND pid <> pg_backend_pid()")
    pids = [exporter.pid, *map(int, backends.split())]
    budgets = {"everything": (size, size), "native": (size, 0), "defaults": (None, None)}
    scrapes = {}
    for what, budget in budgets.items():
        set_budget(server, port, *budget)
        subjects = [Subject(EXPORTER, exporter_port, pids,
                            Client.request("/metrics", FORMATS["text"][0], "identity"))]
        subjects += make_subjects(worker, port, what)
        if what == "everything":
            subjects += make_subjects(worker, port, "3 numbers", THREE)
            subjects += [Subject(f"JSON, 1,000 at most, {coding}", port, [worker],
                                 Client.request("/api/v1/functions?limit=1000", "*/*", coding))
                         for coding in CODINGS]
        if what == "native":
            subjects += make_subjects(worker, port, "3 numbers and native histogram", [*THREE, HISTOGRAM],
                                      ["protobuf"])
        interleave(subjects, rounds)
        for subject in subjects:
            scrapes.setdefault(subject.name, subject.summary())
    set_budget(server, port, size, size)
    fill_slots(server, size)
    text = {coding: Client.request("/metrics", FORMATS["text"][0], coding) for coding in ("identity", "gzip")}
    row = {
        "scrapes": scrapes,
        "concurrent": {f"text, {coding}": measure_concurrent(worker, port, request)
                              for coding, request in text.items()},
        "beside": {path: measure_beside(port, path, text["gzip"]) for path in ("/livez", "/health")},
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
    print(f"\nPostgreSQL {version}; {options.rounds} interleaved rounds; {os.cpu_count()} CPUs, load average"
          f" {os.getloadavg()[0]:.1f}\n\n| | value | target | |\n|---|--:|--:|---|")
    for what, value, bound, is_least in targets(results):
        reached = value >= bound if is_least else value <= bound
        print(f"| {what} | {value:.1f} | {'at least' if is_least else 'at most'} {bound:g} |"
              f" {'reached' if reached else 'MISSED'} |")
    (test_dir() / "bench.json").write_text(json.dumps(
        {"postgres": version, "rounds": options.rounds, "sizes": results}, indent=2))


if __name__ == "__main__":
    main()
