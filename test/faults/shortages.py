"""What a server lives on runs out, or is not what it was: disk, port, time, memory, connections, processes."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

from cluster import Load, limited
from private_server import wait_for

LIBFAKETIME = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
SAVED = "pg_stat/pg_hello.stat"


# --- the disk --------------------------------------------------------------------------------------------------------


def disk_full(faults):
    """The directory of saved statistics lies on a disk of 1 MB, which is full, and then is not."""
    tap, server = faults.tap, faults.server
    disk = os.environ.get("PG_HELLO_SMALL_DISK")
    if not disk:
        print("# disk full: skipped, only root can mount a small disk", flush=True)
        return
    faults.load.pause()
    server.stop()
    directory = server.data / "pg_stat"
    place = pathlib.Path(disk) / "pg_stat"
    place.mkdir(mode=0o700, exist_ok=True)
    for file in directory.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    (place / pathlib.Path(SAVED).name).chmod(0o600)
    directory.rename(server.data / "pg_stat.old")
    directory.symlink_to(place)
    server.start()
    server.tells_truth(5)
    before, filler = server.picture(), place / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    tap.ok(server.stop_as("fast"), "a full disk: the server stops")
    tap.ok("could not write file \"pg_stat/pg_hello.stat.tmp\": No space left on device" in server.log_text(),
           "... and says in its log that it could not save")
    tap.equal([file.name for file in place.iterdir() if file.name.startswith("pg_hello")], [], "... and leaves no half file")
    server.start()
    after = server.picture()
    tap.equal(after.calls("truth()"), 0, "... counts start at zero")
    tap.ok(after.since() > before.since(), "... and say since when")
    server.tells_truth(6)
    kept = server.picture()
    filler.unlink()
    tap.ok(server.stop_as("fast"), "room again: the server stops")
    tap.ok((server.data / SAVED).stat().st_size > 0, "... the file is written again")
    server.start()
    tap.equal(server.picture().calls("truth()"), 6, "... and counts go on")
    tap.equal(server.picture().since(), kept.since(), "... since the same time")
    faults.load.go_on()
    faults.looks_well("after a full disk")


# --- the port --------------------------------------------------------------------------------------------------------


def port_taken(faults):
    tap, server = faults.tap, faults.server
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))
        other.listen()
        server.start()
        state = wait_for("the worker to say so", lambda: server.try_sql(
            "SELECT worker_pid IS NOT NULL, listen_error FROM pg_hello_info() WHERE NOT listening AND listen_error <> ''"))
        tap.ok(state.startswith("t|") and str(server.port) in state, "a port in use: the worker runs and says so", state)
        before = int(server.sql("SELECT coalesce(sum(calls), 0) FROM pg_hello_stats WHERE function = 'truth()'"))
        server.sql("SELECT truth(), truth()")
        after = int(server.sql("SELECT coalesce(sum(calls), 0) FROM pg_hello_stats WHERE function = 'truth()'"))
        tap.equal(after - before, 2, "... calls are counted all the same")
    began = time.monotonic()
    server.picture()
    print(f"# the port was served {time.monotonic() - began:.1f} s after it was free", flush=True)
    tap.ok(True, "... and it is served when it is free")
    faults.looks_well("after a port in use")


# --- the clock -------------------------------------------------------------------------------------------------------


class SteppedClock:
    """The wall clock of all processes of the server is off by as much as it is told. What is monotonic stays so."""

    def __init__(self, server):
        self.server = server
        self.file = server.data.parent / "clock"
        self.before = {}

    def step(self, seconds):
        changed = self.file.with_suffix(".new")
        changed.write_text(f"{seconds:+d}\n", encoding="ascii")
        changed.rename(self.file)

    def __enter__(self):
        self.step(0)
        self.server.stop()
        wanted = {"LD_PRELOAD": str(LIBFAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                  "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1"}
        os.environ.update(wanted)
        try:
            self.server.start()
        finally:
            for name in wanted:
                del os.environ[name]
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.server.start()


def clock_stepped(faults):
    tap, server = faults.tap, faults.server
    if LIBFAKETIME is None:
        print("# clock: skipped, there is no libfaketime", flush=True)
        return
    now = lambda: float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))
    with SteppedClock(server) as clock:
        for seconds in (3600, -7200, 86400, 0):
            before = server.picture()
            busy = busy_seconds(before)
            began = time.monotonic()
            clock.step(seconds)
            tap.ok(abs(now() - time.time() - seconds) < 5, f"the clock is off by {seconds} s")
            tap.equal(server.tells_truth(4), 4, f"{seconds} s: calls are counted")
            states = set()
            for _ in range(20):
                states.add((server.health()[0], server.get("/livez")[0], server.get("/readyz")[0]))
                time.sleep(0.1)
            tap.equal(states, {(200, 200, 200)}, f"{seconds} s: it is well by all that it says of its health")
            picture = server.picture()
            took, grown = time.monotonic() - began, busy_seconds(picture) - busy
            tap.ok(0 <= grown < 5 * (took + 1), f"{seconds} s: durations have grown by no more than time has passed",
                   f"{grown} s in {took} s")
            tap.equal(picture.since(), before.since(), f"{seconds} s: counted since the same time")
            tap.equal(picture.of("pg_hello_clock_anomalies_total"), before.of("pg_hello_clock_anomalies_total"),
                      f"{seconds} s: no duration was negative")
            oldest = picture.of("pg_hello_oldest_active_call_start_timestamp_seconds")
            tap.ok(oldest == 0 or abs(oldest - now()) < 60, f"{seconds} s: the oldest call is as old as it is", oldest)
    faults.looks_well("after steps of the clock")


def busy_seconds(picture):
    return picture.of("pg_hello_function_duration_seconds_sum")


# --- memory ----------------------------------------------------------------------------------------------------------


def answer_of(server, path):
    try:
        return server.get(path)[0]
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def out_of_memory(faults):
    """The worker may take no more address space than it has."""
    tap, server = faults.tap, faults.server
    worker = wait_for("the worker", server.worker)
    postmaster = server.postmaster()
    answers = {}
    for name, limits in {"address space": {"AS": 1}, "data": {"DATA": 1}, "either": {"AS": 1, "DATA": 1}}.items():
        with limited(worker, **limits):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                for path in ("/metrics", "/health", "/api/v1/functions", "/livez"):
                    answer = answer_of(server, path)
                    answers[path, answer] = answers.get((path, answer), 0) + 1
            tap.equal(server.worker(), worker, f"no more {name}: the worker lives")
            server.sql("SELECT truth()")
        tap.equal(server.get("/metrics")[0], 200, "... and answers when there is memory again")
    print(f"# without memory: {', '.join(f'{path} {what}: {n}' for (path, what), n in sorted(answers.items(), key=str))}",
          flush=True)
    tap.equal(server.worker(), worker, "it is the same worker")
    tap.equal(server.postmaster(), postmaster, "... and the same server")
    faults.looks_well("after out of memory")


# --- connections and processes -----------------------------------------------------------------------------------------


def no_connections(faults):
    tap, server = faults.tap, faults.server
    before = server.picture()
    with Load(server, "SELECT hangs();\n", clients=60, rate=0):
        wait_for("60 hanging clients", lambda: server.picture().active("hangs()") == 60)
        crowd = [subprocess.Popen(["psql", *server.connection(), "--no-psqlrc", "--command=SELECT pg_sleep(60)", "postgres"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for _ in range(12)]
        try:
            wait_for("a refused connection", lambda: server.try_sql("SELECT 1") is None, pause=0.02)
            tap.equal(server.get("/metrics")[0], 200, "no connections left: metrics are served")
            tap.equal(server.picture().active("hangs()"), 60, "... with all calls that run")
            tap.equal(server.get("/livez")[0], 200, "... and health")
        finally:
            for client in crowd:
                client.terminate()
                client.wait()
    wait_for("the end of all calls", lambda: server.picture().active("hangs()") == 0)
    after = server.picture()
    tap.ok(after.calls("hangs()") - before.calls("hangs()") >= 60, "... each was counted when it was ended")
    tap.equal(after.errors("hangs()"), after.calls("hangs()"), "... as an error")
    faults.looks_well("after no connections")


def no_processes(faults):
    """The postmaster cannot fork: nobody new gets in, and a worker that ends is started when it can again."""
    tap, server = faults.tap, faults.server
    postmaster, worker = server.postmaster(), wait_for("the worker", server.worker)
    with limited(postmaster, NPROC=1):
        wait_for("a failed fork", lambda: server.try_sql("SELECT 1") is None, pause=0.02)
        tap.equal(server.get("/metrics")[0], 200, "no process can be made: metrics are served")
        tap.equal(server.get("/livez")[0], 200, "... and health")
        os.kill(worker, signal.SIGTERM)
        wait_for("the end of the worker", lambda: server.worker() == 0)
        wait_for("a failed start of the worker", lambda: "could not fork worker process" in server.log_text())
    server.picture()
    tap.ok(server.worker() not in (0, worker), "... a new worker comes when it can be made")
    tap.equal(server.postmaster(), postmaster, "... and the server is the same")
    faults.looks_well("after failed forks")


FAULTS = {"disk": disk_full, "port": port_taken, "clock": clock_stepped, "memory": out_of_memory,
          "connections": no_connections, "processes": no_processes}
