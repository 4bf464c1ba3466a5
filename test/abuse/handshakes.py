#!/usr/bin/env python3
"""Strangers do their worst with TLS, and a good client is served all the same.

The same as run.py, with a server that speaks TLS: handshakes that begin and go no further, that are broken off, that go
on with anything, and clients that make a new one for each scrape.
"""

import os
import pathlib
import shutil
import ssl
import sys

sys.path[:0] = [os.path.join(os.environ["PG_HELLO_STAGE"], "support")]
from attacks import Crowd, Flood  # noqa: E402
from beside import Beside  # noqa: E402
from certificates import make_certificates  # noqa: E402
from private_server import PrivateServer, test_dir, wait_for  # noqa: E402
from process import Process  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402
from tls_attacks import Scrapers, client_hello, garbage_after  # noqa: E402
from watch import scrape  # noqa: E402

# OpenSSL's for each of 256 connections, and what the allocator has not given back.
MEMORY_BESIDE_KB = 256 * 100 + 2000
# Who comes among 500 stands in line behind a signature for each of 256 places, twice.
MOST_P99_OF_QUIET = 60


def scenarios(tls):
    whole = lambda _: client_hello()
    half = lambda _: client_hello()[:40]
    return {
        "500 handshakes that stall": Crowd(500, hello=whole),
        "500 hellos that come byte by byte": Crowd(500, hello=half, drip=b"\0"),
        "500 handshakes that are left": Crowd(500, hello=whole, leave=True),
        "2,000 handshakes broken off": Flood(lambda _: iter([client_hello()]), total=2000),
        "2,000 times garbage after the hello": Flood(garbage_after, total=2000),
        "2,000 times garbage instead of a hello": Flood(lambda number: garbage_after(number, hello=b""), total=2000),
        "50 clients with a handshake for each scrape": Scrapers(50, tls),
    }


def run_tests(tap, server, folder):
    server.sql("CREATE EXTENSION pg_hello")
    asked = "SELECT port, worker_pid FROM pg_hello_info() WHERE listening"
    port, pid = (int(word) for word in wait_for("the port", lambda: server.sql(asked)).split("|"))
    tls = ssl.create_default_context(cafile=folder / "ca.crt")
    beside = Beside(tap, port, Process(pid), lambda port: scrape(port, tls=tls), MEMORY_BESIDE_KB,
                    MOST_P99_OF_QUIET)
    beside.quiet()
    for name, attack in scenarios(folder / "ca.crt").items():
        counts = beside.under(name, attack, until=attack.total and (lambda running: running.ended))
        tap.ok(counts.get("connections", 0) >= (attack.total or attack.size), f"{name}: it took place", counts)
    tap.equal(server.sql("SELECT worker_pid FROM pg_hello_info()"), str(pid), "the worker is the same all along")


def main():
    if shutil.which("openssl") is None:
        print("1..0 # SKIP openssl is not installed")
        return 0
    folder = pathlib.Path(test_dir()) / "certificates"
    folder.mkdir()
    make_certificates(folder)
    return run_to_end(run_tests, Tap(), PrivateServer(settings={
        "max_connections": 20, "pg_hello.ssl": "on",
        "pg_hello.ssl_cert_file": folder / "server.crt", "pg_hello.ssl_key_file": folder / "server.key"}), folder)


if __name__ == "__main__":
    sys.exit(main())
