"""A server that is made to fail, and what goes on beside it: clients that call functions, and a scraper."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import subprocess
import threading

from consistency import Picture, faults_of
from private_server import PrivateServer, test_dir, wait_for

FUNCTIONS = """
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION work(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
    CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / 0; END';
    CREATE FUNCTION tolerant() RETURNS int LANGUAGE plpgsql AS
        'BEGIN PERFORM fails(); RETURN 1; EXCEPTION WHEN division_by_zero THEN RETURN 0; END';
    CREATE FUNCTION naps() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN 1; END';
    CREATE FUNCTION hangs() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN 1; END';
    CREATE FUNCTION truth() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
"""
LOAD = "SELECT work(1), work(2), tolerant();\nSELECT naps();\n"

# What the faults themselves write into the log.
ON_PURPOSE = re.compile(r"terminated by signal 9|exited with exit code [12]\b")


class Cluster(PrivateServer):
    """The server, its processes as the system shows them, and its memory."""

    def __init__(self, port, **settings):
        super().__init__(settings={
            "pg_hello.port": port, "pg_hello.max_functions": 100, "restart_after_crash": "on", "shared_buffers": "4MB",
            "max_connections": 70, "client_connection_check_interval": "100ms", "max_wal_size": "32MB",
            "min_wal_size": "32MB", "autovacuum": "off", **settings})
        self.port = port
        self.memory = set()  # names of all segments that were ever its own

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def processes(self):
        """pid -> title, of all that run in the data directory, whoever is their parent by now."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if os.readlink(entry / "cwd") == str(self.data):
                        found[int(entry.name)] = (entry / "cmdline").read_bytes().rstrip(b"\0").decode("utf-8", "replace")
        return found

    def left_behind(self):
        """Its processes, once the last has had the time to end: pg_ctl waits for a file to be gone, which is not the last."""
        with contextlib.suppress(TimeoutError):
            wait_for("the end of all processes", lambda: not self.processes(), seconds=5, pause=0.02)
        return self.processes()

    def worker(self):
        """0 if there is none."""
        return next((pid for pid, title in self.processes().items() if "pg_hello metrics" in title), 0)

    def note_memory(self):
        for line in pathlib.Path(f"/proc/{self.postmaster()}/maps").read_text(encoding="utf-8").splitlines():
            fields = line.split()
            if len(fields) > 5 and re.match(r"/(dev/shm/PostgreSQL|SYSV)", fields[5]):
                # Of a System V segment, the inode is its number.
                self.memory.add(fields[5] if fields[5].startswith("/dev") else int(fields[4]))

    def memory_left(self):
        """Of the segments noted so far, those that there are."""
        system_v = {int(line.split()[1])
                    for line in pathlib.Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]}
        return {name for name in self.memory if name in system_v or (isinstance(name, str) and os.path.exists(name))}

    def stop_as(self, mode, wait=True):
        done = subprocess.run(["pg_ctl", "stop", "--wait" if wait else "--no-wait", "--timeout=60", "--silent",
                               f"--mode={mode}", f"--pgdata={self.data}"], stdin=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def crash_lines(self):
        return [line for line in super().crash_lines() if not ON_PURPOSE.search(line)]

    def get(self, path, seconds=10):
        """(status, body). OSError or HTTPException if there is no whole answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            client.request("GET", path, headers={"Connection": "close"})
            answer = client.getresponse()
            return answer.status, answer.read().decode("utf-8")
        finally:
            client.close()

    def picture(self):
        """What /metrics says, as soon as it says something."""
        def ask():
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, body = self.get("/metrics")
                return Picture(body) if status == 200 else None
            return None
        return wait_for("an answer of /metrics", ask, pause=0.02)

    def active_pids(self, function):
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, body = self.get("/api/v1/active")
            if status == 200:
                return [call["pid"] for call in json.loads(body)["calls"] if call["function"] == function]
        return []

    def health(self):
        status, body = self.get("/health")
        return status, json.loads(body)

    def tells_truth(self, calls):
        """Calls truth() and returns by how much its counter has moved."""
        before = self.picture().calls("truth()")
        wait_for("a connection", lambda: self.try_sql(f"SELECT count(truth()) FROM generate_series(1, {calls})"), pause=0.05)
        return self.picture().calls("truth()") - before

    def try_sql(self, text):
        done = subprocess.run(["psql", *self.connection(), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                               "--dbname=postgres", f"--command={text}"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return done.stdout.strip() if done.returncode == 0 else None


class Beside:
    """Runs step() in a thread again and again until the block is left."""

    def __enter__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.end()
        self.thread.join()

    def _run(self):
        while not self.over.is_set():
            self.step()

    def end(self):
        pass


class Load(Beside):
    """Clients that call functions, back as soon as they can after they were thrown out."""

    def __init__(self, server, script=LOAD, clients=4, rate=200):
        self.server, self.sessions = server, 0
        self.script = test_dir() / f"load-{clients}.sql"
        self.script.write_text(script, encoding="utf-8")
        self.command = ["pgbench", *server.connection(), "--no-vacuum", f"--client={clients}", "--time=3600",
                        *([f"--rate={rate}"] if rate else []), f"--file={self.script}", "postgres"]
        self.process = None
        self.wanted = threading.Event()
        self.wanted.set()

    def step(self):
        if not self.wanted.wait(0.1):
            return
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        if self.over.is_set() or not self.wanted.is_set():
            self.end()
        self.sessions += 1
        self.process.wait()
        self.over.wait(0.1)

    def pause(self):
        self.wanted.clear()
        self.end()

    def go_on(self):
        self.wanted.set()

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()


class Scraper(Beside):
    """Scrapes and looks at every answer that comes whole."""

    def __init__(self, server):
        self.server = server
        self.answers, self.silent, self.faults, self.others = 0, 0, [], {}

    def step(self):
        try:
            status, body = self.server.get("/metrics")
        except (OSError, http.client.HTTPException):
            self.silent += 1
        else:
            if status == 200:
                self.answers += 1
                self.faults += faults_of(body)
            else:
                self.others[status] = self.others.get(status, 0) + 1
        self.over.wait(0.03)


def prepared_sql(server):
    for statement in FUNCTIONS.strip().rstrip(";").split(";\n"):
        server.sql(statement)


@contextlib.contextmanager
def limited(pid, **limits):
    """While the block lasts, the process may have no more than that: limited(pid, AS=1), as setrlimit(2) names them."""
    kinds = {getattr(resource, f"RLIMIT_{name}"): most for name, most in limits.items()}
    before = {kind: resource.prlimit(pid, kind) for kind in kinds}
    try:
        for kind, most in kinds.items():
            resource.prlimit(pid, kind, (most, before[kind][1]))
        yield
    finally:
        for kind, both in before.items():
            resource.prlimit(pid, kind, both)
