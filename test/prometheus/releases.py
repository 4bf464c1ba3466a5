#!/usr/bin/env python3
"""The Prometheus of a Debian release scrapes with its defaults, and once more with native histograms
switched on. What it then knows is compared with the very answer that it was sent, with SQL, and, for
quantiles, with durations that the called function has taken itself. Prints TAP.

usage: releases.py VERSION [ROOT]   VERSION: how the program's begins
                                    ROOT: what scripts/fetch-prometheus unpacked; else the system's
"""

import math
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, wait_for  # noqa: E402
from exposition import base_of  # noqa: E402
from harness import Prometheus, Tap, run_to_end, wait_for_scrape  # noqa: E402
from relay import Relay  # noqa: E402

DURATION = "pg_hello_function_duration_seconds"
BUSY = '{function="busy_ns(bigint)"}'
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")
# Durations spread evenly by their logarithm from 0.2 ms to 5 ms, in an order that mixes them.
CALLS = 1500
SETUP = f"""
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION busy_ns(bigint) RETURNS bigint AS 'pg_hello_test', 'pg_hello_test_busy_ns'
        LANGUAGE C STRICT VOLATILE;
    CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i; END';
    CREATE TABLE taken (ns bigint);
    INSERT INTO taken SELECT busy_ns((200000 * 25 ^ (i * 7 % {CALLS} / {CALLS}.0))::bigint)
        FROM generate_series(1, {CALLS}) i;
"""
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
# A native bucket is a factor of 2^(1/8) wide, so a quantile that is said to be in its middle, by
# ratio, is at most 2^(1/16) - 1 = 4.4 % off. Prometheus interpolates instead, 2.x linearly and 3.x
# exponentially, which is closer (0.1 %) where durations are spread evenly as they are here; what a
# busy machine adds to them spreads them further.
MOST_OFF = 0.045


def command(root):
    """How to run a release's Prometheus on this one: with its own loader and C library."""
    if root is None:
        return ["prometheus"]
    loader, = pathlib.Path(root).glob("usr/lib/*/ld-linux*.so.*")
    return [str(loader), "--library-path", str(loader.parent), f"{root}/usr/bin/prometheus"]


def series(samples):
    """Of functions only, which are idle; what the server says of itself changes with each scrape.
    {(name, labels): value}; the target's labels, empty ones and how `le` is written are left aside."""
    found = {}
    for name, labels, value in samples:
        if "function" not in labels or not name.startswith("pg_hello_"):
            continue
        labels = {k: v for k, v in labels.items() if v and k not in ("job", "instance", "__name__")}
        if "le" in labels:
            labels["le"] = float(labels["le"])
        found[(name, *sorted(labels.items()))] = float(value)
    return found


def known_to(prometheus):
    """All but native histograms, which have no single value."""
    samples = prometheus.query(
        f'{{job="pg_hello",function!="",__name__=~"pg_hello_.*",__name__!="{DURATION}"}}')
    return series((labels["__name__"], labels, value) for labels, value in samples)


def check_scrape(tap, prometheus, relay, content_type):
    tap.equal(prometheus.value("up"), 1.0, "up")
    tap.equal(relay.answered["Content-Type"], content_type, f"asked for {relay.asked['Accept']}")
    tap.equal(relay.answered.get("Content-Encoding"), "gzip", "... compressed")
    targets = prometheus.api("targets")["activeTargets"]
    tap.equal([target["lastError"] for target in targets], [""], "no error in the scrape")


def check_types(tap, prometheus, sent):
    """Types and HELP as in the answer, of families that it has samples of."""
    known = {base_of(name): (one[0]["type"], one[0]["help"], len(one))
             for name, one in prometheus.api("metadata").items() if name.startswith("pg_hello_")}
    shown = {name: (family["type"], family["help"], 1) for name, family in sent["families"].items()}
    tap.equal(known, shown, f"types and HELP of {len(shown)} families")


def true_quantile(durations, quantile):
    return durations[math.ceil(quantile * len(durations)) - 1] / 1e9


def check_defaults(tap, prometheus, relay, durations):
    check_scrape(tap, prometheus, relay, OPENMETRICS)
    sent = relay.exposition()
    check_types(tap, prometheus, sent)
    expected, known = series(sent["samples"]), known_to(prometheus)
    tap.ok(known == expected, f"all {len(expected)} series and values of functions",
           known.items() ^ expected.items())

    buckets = {dict(key[1:])["le"] for key in expected if key[0] == f"{DURATION}_bucket"}
    tap.equal(len(buckets), 24, "classic buckets")
    for quantile in QUANTILES:
        true = true_quantile(durations, quantile)
        upper = min(le for le in buckets if le >= true)
        lower = max(le for le in buckets if le < true)
        got = prometheus.value(f"histogram_quantile({quantile}, {DURATION}_bucket{BUSY})")
        tap.ok(got is not None and lower <= got <= upper,
               f"quantile {quantile} is in the classic bucket of the true one", got, true)


def check_native(tap, prometheus, relay, durations, server):
    check_scrape(tap, prometheus, relay, PROTOBUF)
    sent = relay.exposition()
    check_types(tap, prometheus, sent)
    # Histograms are single samples here; Prometheus then leaves the classic ones aside.
    expected = {key: value for key, value in series(sent["samples"]).items()
                if not key[0].startswith(DURATION) and not key[0].endswith("_created")}
    known = known_to(prometheus)
    tap.ok(known == expected, f"all {len(expected)} series and values of functions besides",
           known.items() ^ expected.items())
    classic = {name for name, labels, _ in sent["samples"]
               if name.startswith(DURATION) and labels["function"] == "busy_ns(bigint)"}
    tap.ok(f"{DURATION}_bucket" in classic, "classic buckets were sent as well", classic)

    counts = prometheus.by_function(f"histogram_count({DURATION})")
    shown = {one["labels"]["function"]: float(one["count"]) for one in sent["native"]}
    tap.equal(counts, shown, "the counts of native histograms")
    sums = prometheus.by_function(f"histogram_sum({DURATION})")
    shown = {one["labels"]["function"]: float(one["sum"]) for one in sent["native"]}
    tap.equal(sums, shown, "... and their sums")
    calls = server.sql("SELECT calls FROM pg_hello_stats WHERE function = 'busy_ns(bigint)'")
    tap.equal(counts["busy_ns(bigint)"], float(calls), "the count is the calls in SQL")

    for quantile in QUANTILES:
        true = true_quantile(durations, quantile)
        got = prometheus.value(f"histogram_quantile({quantile}, {DURATION}{BUSY})")
        off = abs(got - true) / true if got is not None else math.inf
        tap.ok(off <= MOST_OFF, f"quantile {quantile} is the true one within 4.5 %",
               f"got {got}, true {true}: {off:.2%} off")


def scraped(prometheus, server, relay):
    """Waits for a scrape that began after now, which the relay has kept, too."""
    wait_for("the first scrape", lambda: relay.body and prometheus.value('up{job="pg_hello"}') == 1)
    wait_for_scrape(prometheus, server)


def run_tests(tap, server, version, root):
    server.sql(SETUP)
    for i in (1, 0):
        try:
            server.sql(f"SELECT fails({i})")
        except RuntimeError:
            tap.equal(i, 0, "a function fails, for the origins of errors")
    durations = sorted(int(ns) for ns in server.sql("SELECT ns FROM taken").split())
    tap.equal(len(durations), CALLS, "the function has been called and has measured itself")
    asked = "SELECT port FROM pg_hello_info() WHERE listening"
    target = f"127.0.0.1:{wait_for('the HTTP port', lambda: server.sql(asked))}"

    with Relay(target) as relay, Prometheus(relay.target, command=command(root)) as prometheus:
        running = prometheus.api("status/buildinfo")["version"]
        tap.ok(running.startswith(version), f"Prometheus {version}", running)
        scraped(prometheus, server, relay)
        check_defaults(tap, prometheus, relay, durations)
    native = command(root) + ["--enable-feature=native-histograms"]
    with Relay(target) as relay, Prometheus(relay.target, command=native, name="native") as prometheus:
        scraped(prometheus, server, relay)
        check_native(tap, prometheus, relay, durations, server)


def main():
    tap = Tap()
    server = PrivateServer(settings={"pg_hello.track": "all"})
    return run_to_end(run_tests, tap, server, *sys.argv[1:], *[None] * (3 - len(sys.argv)))


if __name__ == "__main__":
    sys.exit(main())
