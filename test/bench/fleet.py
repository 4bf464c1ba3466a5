#!/usr/bin/env python3
"""What many servers with pg_hello cost one Prometheus, measured.

A real server with tracked functions is scraped once. Its answer, with the same numbers of functions,
labels and buckets, is then served to a real Prometheus in the name of N servers, which it scrapes
every `--interval` seconds for `--minutes` minutes, with the recording rules of dashboards/prometheus.
Counters grow from scrape to scrape: by as much each time as the real server had counted.

For each N, with a Prometheus of its own: series in its head, samples a second, resident memory, CPU,
bytes of the write-ahead log, how long a scrape and the rules took. At the end, what a server costs and
a straight line to 1,000 of them, which is computed and not measured.

Output is Markdown. Runs in the stage that scripts/bench makes. Writes all of it to bench.json as
well. usage: fleet.py [--servers N,N] [--functions N] [--minutes N] [--interval N]
"""

import argparse
import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, free_port, test_dir, wait_for  # noqa: E402
from scrape import make_functions  # noqa: E402

RULES = pathlib.Path(os.environ["PG_HELLO_STAGE"]) / "prometheus" / "recording.yml"


class Template:
    """An answer of /metrics whose counters can be made to grow."""

    def __init__(self, text):
        self.lines = []  # texts, and pairs of a series and its counter's value
        counters = set()
        for line in text.splitlines(keepends=True):
            kind = re.match(r"# TYPE (\S+) (counter|histogram)", line)
            if kind:
                counters |= {kind[1] + end for end in ("", "_bucket", "_count", "_sum")}
            series, _, value = line.rpartition(" ")
            is_counter = not line.startswith("#") and re.match(r"\w+", line)[0] in counters
            self.lines.append((series, float(value)) if is_counter else line)
        self.samples = sum(1 for line in text.splitlines() if not line.startswith("#"))
        self.bytes = len(text)

    def body(self, times):
        """With each counter `times` as large, so that all that agrees in it still does."""
        return "".join(line if isinstance(line, str) else f"{line[0]} {line[1] * times:.12g}\n" for line in self.lines)


class Fleet(http.server.ThreadingHTTPServer):
    """Serves the template in the name of any number of servers: only the label `instance` differs."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, template, interval):
        super().__init__(("127.0.0.1", 0), Answer)
        self.template, self.interval = template, interval
        self.lock, self.first, self.turn, self.body = threading.Lock(), self.now(), None, b""

    def now(self):
        return int(time.monotonic() / self.interval)

    def compressed(self):
        turn = self.now()
        with self.lock:
            if turn != self.turn:
                self.turn, self.body = turn, gzip.compress(self.template.body(1 + turn - self.first).encode(), 1)
            return self.body


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802, the name is http.server's
        body = self.server.compressed()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Prometheus:
    """Scrapes `servers` of the fleet until the block is left."""

    def __init__(self, fleet, servers, interval):
        self.directory = test_dir() / f"prometheus-{servers}"
        self.directory.mkdir()
        address = f"127.0.0.1:{fleet.server_address[1]}"
        self.config = self.directory / "prometheus.yml"
        self.config.write_text(json.dumps({  # JSON is YAML
            "global": {"scrape_interval": f"{interval}s", "evaluation_interval": f"{interval}s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "pg_hello", "static_configs": [
                {"targets": [address], "labels": {"instance": f"db{n:04}.example.org:9797"}} for n in range(servers)]}],
        }))

    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            [shutil.which("prometheus"), f"--config.file={self.config}", f"--storage.tsdb.path={self.directory / 'data'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.directory / "log", "w", encoding="utf-8"))
        wait_for("Prometheus", self.metrics_or_none)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()

    def metrics_or_none(self):
        try:
            return self.metrics()
        except OSError:
            return None

    def metrics(self):
        """Prometheus' own, those without labels by name, and the sum of those with."""
        found = {}
        for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", self.get("/metrics"), re.MULTILINE):
            found[name] = found.get(name, 0) + float(value)
        return found

    def query(self, expression):
        answer = json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        return [float(row["value"][1]) for row in answer["data"]["result"]]

    def log_bytes(self):
        return sum(path.stat().st_size for path in (self.directory / "data" / "wal").rglob("*") if path.is_file())


def measure(fleet, servers, options):
    with Prometheus(fleet, servers, options.interval) as prometheus:
        # Recording rules need two scrapes; their series are then there, too.
        wait_for("all servers to be scraped", lambda: sum(prometheus.query("up")) == servers,
                 seconds=20 * options.interval, pause=1)
        time.sleep(3 * options.interval)  # what is measured next is a steady state, of this length by definition
        before, log_before, began = prometheus.metrics(), prometheus.log_bytes(), time.monotonic()
        memory = []
        while time.monotonic() - began < 60 * options.minutes:
            print(f"{servers} servers: {time.monotonic() - began:.0f} s of {60 * options.minutes:.0f}", file=sys.stderr, flush=True)
            time.sleep(10)
            memory.append(prometheus.metrics()["process_resident_memory_bytes"])
        after, log_after, seconds = prometheus.metrics(), prometheus.log_bytes(), time.monotonic() - began

        def rate(name):
            return (after[name] - before[name]) / seconds
        return {
            "series": after["prometheus_tsdb_head_series"],
            "samples_per_second": rate("prometheus_tsdb_head_samples_appended_total"),
            "memory_bytes": max(memory),
            "cpu_seconds_per_second": rate("process_cpu_seconds_total"),
            "log_bytes_per_second": (log_after - log_before) / seconds,
            "scrape_seconds": statistics.median(prometheus.query("scrape_duration_seconds")),
            "rules_seconds": after["prometheus_rule_group_last_duration_seconds"],
            "rules_missed": after["prometheus_rule_group_iterations_missed_total"] -
            before["prometheus_rule_group_iterations_missed_total"],
            "servers_down": servers - sum(prometheus.query("up")),
        }


def print_rows(rows):
    print("| servers | series | samples/s | memory MB | bytes a series | CPUs | WAL kB/s | scrape ms | rules ms | rounds of rules missed |"
          "\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for servers, row in rows.items():
        print(f"| {servers} | {row['series']:.0f} | {row['samples_per_second']:.0f} | {row['memory_bytes'] / 2**20:.0f} |"
              f" {row['memory_bytes'] / row['series']:.0f} | {row['cpu_seconds_per_second']:.2f} |"
              f" {row['log_bytes_per_second'] / 1e3:.0f} | {row['scrape_seconds'] * 1e3:.0f} |"
              f" {row['rules_seconds'] * 1e3:.0f} | {row['rules_missed']:.0f} |")


def line(rows, value):
    """Slope and value at no servers of the straight line through the first and the last row."""
    (few, first), (many, last) = list(rows.items())[0], list(rows.items())[-1]
    slope = (last[value] - first[value]) / (many - few)
    return slope, first[value] - slope * few


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", default="5,20,50")
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--interval", type=int, default=15, help="seconds between two scrapes of a server")
    options = parser.parse_args()
    counts = sorted({int(count) for count in options.servers.split(",")})
    if shutil.which("prometheus") is None:
        sys.exit("fleet.py: prometheus is not there")

    with PrivateServer("fleet", settings={"autovacuum": "off", "pg_hello.max_functions": options.functions + 100}) as server:
        server.sql("CREATE EXTENSION pg_hello")
        make_functions(server, 0, options.functions)
        template = Template(server.sql("SELECT pg_hello_metrics()") + "\n")
        version = server.sql("SHOW server_version")

    rows = {}
    with Fleet(template, options.interval) as fleet:
        threading.Thread(target=fleet.serve_forever, daemon=True).start()
        for count in counts:
            rows[count] = measure(fleet, count, options)
        fleet.shutdown()

    prometheus = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
    release = re.search(r"version (\S+)", prometheus.stdout + prometheus.stderr)[1]
    print(f"{options.functions} functions a server, scraped every {options.interval} s; of a server, {template.samples} series in"
          f" {template.bytes / 1e3:.0f} kB.\nPrometheus {release}, PostgreSQL {version}; {options.minutes:g} minutes each;"
          f" {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}\n")
    print_rows(rows)
    if len(rows) > 1:
        print("\n| | a server | none | 1,000 servers, computed |\n|---|--:|--:|--:|")
        for what, value, unit, scale in (("series", "series", "", 1), ("samples/s", "samples_per_second", "", 1),
                                         ("memory", "memory_bytes", " MB", 2**20), ("CPUs", "cpu_seconds_per_second", "", 1),
                                         ("rules", "rules_seconds", " ms", 1e-3)):
            slope, none = line(rows, value)
            print(f"| {what} | {slope / scale:.3g}{unit} | {none / scale:.3g}{unit} | {(none + 1000 * slope) / scale:,.0f}{unit} |")
    (test_dir() / "bench.json").write_text(json.dumps(
        {"postgres": version, "prometheus": release, "functions": options.functions, "samples": template.samples,
         "bytes": template.bytes, "interval": options.interval, "servers": rows}, indent=2))
    if any(row["servers_down"] for row in rows.values()):
        sys.exit("fleet.py: not all servers were up at the end")


if __name__ == "__main__":
    main()
