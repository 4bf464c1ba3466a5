"""Shutdown in each mode, at different moments, while 50 clients hang in functions and others at the port."""

import contextlib
import socket
import time

from cluster import Load
from private_server import wait_for

HANGING = 50
HALF = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"


class Hanging:
    """50 calls under way, and 20 connections to the port that want nothing, or never say all that they want."""

    def __init__(self, faults):
        self.faults, self.open = faults, []

    def __enter__(self):
        server = self.faults.server
        self.clients = Load(server, "SELECT hangs();\n", clients=HANGING, rate=0)
        self.clients.__enter__()
        wait_for("50 hanging clients", lambda: server.picture().active("hangs()") == HANGING)
        for number in range(20):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            client.sendall(HALF if number % 2 else b"")
            self.open.append(client)
        return self

    def __exit__(self, *how):
        for client in self.open:
            client.close()
        self.clients.__exit__(*how)

    def leave(self):
        self.clients.__exit__(None, None, None)


def stopped(faults, mode, moment):
    """Stops as told, and starts again. What was counted before stays, unless it was an immediate shutdown."""
    tap, server = faults.tap, faults.server
    name = f"{mode} shutdown {moment}"
    with Hanging(faults) as hanging:
        server.tells_truth(11)
        if moment == "during scrapes":
            for client in hanging.open[::2]:
                client.sendall(HALF + b"\r\n")
        before = server.picture()
        began = time.monotonic()
        if mode == "smart":
            server.stop_as(mode, wait=False)
            # It waits for the clients, and serves while it does.
            tap.equal(server.picture().active("hangs()"), HANGING, f"{name}: calls are shown while it waits")
            hanging.leave()
            faults.load.pause()
            wait_for("the end of the server", lambda: not server.processes())
        else:
            tap.ok(server.stop_as(mode), f"{name}: the server stops")
        took = time.monotonic() - began
        tap.equal(server.left_behind(), {}, f"{name}: no process is left")
        tap.equal(server.memory_left(), set(), f"{name}: no shared memory is left")
    server.start()
    faults.load.go_on()
    after = server.picture()
    print(f"# {name} with {HANGING} hanging clients: {took:.1f} s", flush=True)
    if mode == "immediate":
        tap.equal(after.calls("truth()"), 0, f"{name}: counts start at zero")
        tap.ok(after.since() > before.since(), f"{name}: ... and say since when")
    else:
        tap.equal(after.calls("truth()"), before.calls("truth()"), f"{name}: counts go on")
        tap.equal(after.since(), before.since(), f"{name}: ... since the same time")
        tap.equal(after.calls("hangs()") - before.calls("hangs()"), HANGING, f"{name}: calls that it ended are counted")
        tap.equal(after.errors("hangs()"), after.calls("hangs()"), f"{name}: ... as errors")
    faults.looks_well(name)


def shut_down(faults):
    for mode in ("smart", "fast", "immediate"):
        for moment in ("while nobody asks", "during scrapes"):
            stopped(faults, mode, moment)
    at_once(faults)


def at_once(faults):
    """Stopped as soon as it has started, again and again."""
    tap, server = faults.tap, faults.server
    server.tells_truth(3)
    faults.load.pause()
    ends = []
    for number in range(10):
        ends.append(server.stop_as(("fast", "immediate")[number % 2]))
        tap.equal(server.left_behind(), {}, "stopped at once: no process is left") if number == 9 else None
        server.start()
    tap.ok(all(ends), "stopped as soon as it has started, ten times")
    faults.load.go_on()
    faults.looks_well("after stops at once")


FAULTS = {"shutdowns": shut_down}
