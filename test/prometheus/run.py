#!/usr/bin/env python3
"""A real Prometheus scrapes a real server under pgbench load, and its answers are compared with the
known number of calls and with SQL. Prints TAP.

Called by test/support/run_staged.sh, which stages the server and sets the environment.
"""

import json
import math
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, run, test_dir, wait_for  # noqa: E402
from harness import Prometheus, Tap, get, promtool, run_to_end, wait_for_scrape  # noqa: E402

DATABASE = "shop"
CLIENTS = 4
TRANSACTIONS = 500  # of each client
SETUP = """
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION add_up(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        total bigint := 0;
    BEGIN
        FOR i IN 1..n LOOP total := total + i; END LOOP;
        RETURN total;
    END $$;
    CREATE FUNCTION nap(seconds double precision) RETURNS void LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(seconds); END';
    CREATE FUNCTION fails() RETURNS integer LANGUAGE plpgsql AS
        'BEGIN RETURN 1 / 0; END';
    CREATE FUNCTION survives() RETURNS integer LANGUAGE plpgsql AS
        'BEGIN RETURN fails(); EXCEPTION WHEN division_by_zero THEN RETURN 0; END';
    CREATE FUNCTION twice(n integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
        'SELECT add_up($1) + add_up($1)';
    CREATE FUNCTION inlined(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
        'SELECT $1 + 1';
"""
LOAD = r"""
\set n random(1, 2000)
SELECT add_up(:n), pg_hello('World'), pg_hello('again'), twice(10), survives(), inlined(:n);
SELECT nap(:n / 1000000.0);
"""
# (errors, calls) that one transaction makes
PER_TRANSACTION = {
    "add_up(integer)": (0, 3),  # two of them by twice()
    "pg_hello(text)": (0, 2),
    "twice(integer)": (0, 1),
    "survives()": (0, 1),
    "fails()": (1, 1),
    "nap(double precision)": (0, 1),
}
TOTAL = CLIENTS * TRANSACTIONS
EXPECTED = {
    name: (errors * TOTAL, calls * TOTAL) for name, (errors, calls) in PER_TRANSACTION.items()
}
CALLS = "pg_hello_function_calls_total"
ERRORS = "pg_hello_function_errors_total"
ORIGINS = "pg_hello_function_error_origins_total"
DURATION = "pg_hello_function_duration_seconds"
RESET = "pg_hello_stats_reset_timestamp_seconds"


def put_load(server):
    script = test_dir() / "load.sql"
    script.write_text(LOAD, encoding="utf-8")
    return run("pgbench", *server.connection(), "--no-vacuum", f"--client={CLIENTS}", "--jobs=2",
               f"--transactions={TRANSACTIONS}", f"--file={script}", DATABASE)


def compare_counts(tap, prometheus, select):
    calls = {name: float(calls) for name, (_, calls) in EXPECTED.items()}
    errors = {name: float(errors) for name, (errors, _) in EXPECTED.items()}
    # All but the statistics functions, which this test calls itself.
    of_load = select + ',function!~"pg_hello_.*"'

    def by_function(query):
        """Without the extension's functions that are there from the start and not called."""
        found = prometheus.by_function(query)
        return {name: value for name, value in found.items() if name in EXPECTED or value != 0}

    tap.equal(by_function(f"{CALLS}{{{of_load}}}"), calls, "calls")
    tap.equal(by_function(f"{ERRORS}{{{of_load}}}"), errors, "errors")
    tap.equal(by_function(f"{DURATION}_count{{{of_load}}}"), calls, "_count is calls")
    infinite = of_load + ',le="+Inf"'
    tap.equal(by_function(f"{DURATION}_bucket{{{infinite}}}"), calls, "the bucket +Inf is calls")
    tap.equal(prometheus.value(f"sum({CALLS}{{{of_load}}})"), sum(calls.values()), "sum(calls)")
    origins = prometheus.query(f"{ORIGINS}{{{select}}}")
    tap.equal(
        [(labels["function"], labels["sqlstate_class"], count) for labels, count in origins],
        [("fails()", "22", errors["fails()"])],
        "error origins",
    )
    inlined = prometheus.query(f'{CALLS}{{{select},function=~"inlined.*"}}')
    tap.equal(inlined, [], "no series for a function that is inlined")


def compare_with_sql(tap, prometheus, server, select):
    """Counters and quantiles against pg_hello_stats; nothing of the load runs any more."""
    rows = json.loads(server.sql(
        "SELECT json_object_agg(function, to_json(s)) FROM pg_hello_stats s"
        f" WHERE datname = '{DATABASE}' AND schema = 'public'", DATABASE))
    for name in EXPECTED:
        compare_function(tap, prometheus, name, rows[name], f'{{{select},function="{name}"}}')
    # nap() sleeps up to 2 ms, evenly: 95 of 100 sleeps end before 1.9 ms at the earliest.
    nap = f'{{{select},function="nap(double precision)"}}'
    quantile = prometheus.value(f"histogram_quantile(0.95, {DURATION}_bucket{nap})")
    tap.ok(quantile is not None and quantile >= 0.001, "nap()'s quantile is its sleeps'", quantile)


def compare_function(tap, prometheus, name, row, selector):
    calls = prometheus.value(CALLS + selector)
    tap.equal(calls, float(row["calls"]), f"{name}: calls as in SQL")
    for column, metric in (("total_time", "inclusive"), ("self_time", "self")):
        seconds = prometheus.value(f"pg_hello_function_{metric}_seconds_total{selector}")
        same = seconds is not None and math.isclose(
            seconds * 1000, row[column], rel_tol=1e-9, abs_tol=1e-6)
        tap.ok(same, f"{name}: {metric} time as in SQL", f"{seconds} s, {row[column]} ms")

    samples = prometheus.query(f"{DURATION}_bucket{selector}")
    buckets = {float(labels["le"]): count for labels, count in samples}
    counts = [buckets[bound] for bound in sorted(buckets)]
    tap.ok(len(counts) == 24 and counts == sorted(counts), f"{name}: 24 rising buckets", buckets)
    outside = [
        bound for bound, count in buckets.items()
        if (bound * 1000 < row["min_time"] and count != 0)
        or (bound * 1000 >= row["max_time"] and count != row["calls"])
    ]
    tap.equal(outside, [], f"{name}: no call below the shortest or above the longest")

    for column, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        # Prometheus interpolates between classic bounds, SQL between finer ones: both must lie in
        # the classic bucket in which the call of that rank was counted.
        upper = min(bound for bound in buckets if buckets[bound] >= quantile * row["calls"])
        lower = max((bound for bound in buckets if bound < upper), default=0.0)
        theirs = prometheus.value(f"histogram_quantile({quantile}, {DURATION}_bucket{selector})")
        ours = row[column] / 1000
        tap.ok(
            theirs is not None and lower <= theirs <= upper and lower <= ours <= upper,
            f"{name}: quantile {quantile} in the same bucket as {column}",
            f"Prometheus {theirs}, SQL {ours}, bucket ({lower}, {upper}]",
        )
        between = row["min_time"] <= row[column] <= row["max_time"]
        tap.ok(between, f"{name}: {column} between min and max", row)


def stats_reset(server):
    asked = "SELECT extract(epoch FROM stats_reset) FROM pg_hello_info()"
    return float(server.sql(asked, DATABASE))


def compare_server(tap, prometheus, server):
    tap.equal(prometheus.value('up{job="pg_hello"}'), 1.0, "up")
    # A starved Prometheus may miss a scrape; the server's counters do not.
    mostly = prometheus.value('avg_over_time(up{job="pg_hello"}[10m])')
    tap.ok(mostly > 0.5, "up most of the time under load", mostly)
    got, expected = prometheus.value(RESET), stats_reset(server)
    tap.ok(got is not None and abs(got - expected) < 1e-3, "time of the last reset", got, expected)
    tap.equal(prometheus.value("pg_hello_postgres_in_recovery"), 0.0, "not in recovery")
    for name in ("stack_resyncs", "clock_anomalies", "untimed_calls", "worker_restarts",
                 "http_bind_failures"):
        tap.equal(prometheus.value(f"pg_hello_{name}_total"), 0.0, f"no {name}")
    overflow = prometheus.value(f'pg_hello_overflow_calls_total{{datname="{DATABASE}"}}')
    tap.equal(overflow, 0.0, "no overflow")


def compare_reset(tap, prometheus, server, select):
    """A reset is seen as one: by the timestamp, and by rate() as a counter that began again."""
    before = prometheus.value(RESET)
    expected = float(server.sql("SELECT extract(epoch FROM pg_hello_reset())", DATABASE))
    server.sql("SELECT twice(1)", DATABASE)
    wait_for_scrape(prometheus, server)
    got = prometheus.value(RESET)
    moved = got is not None and abs(got - expected) < 1e-3 and got > before
    tap.ok(moved, "a reset moves its timestamp", got, expected, before)
    add_up = f'{CALLS}{{{select},function="add_up(integer)"}}'
    tap.equal(prometheus.value(add_up), 2.0, "calls since the reset")
    tap.equal(prometheus.value(f"resets({add_up}[10m])"), 1.0, "Prometheus counts one reset")


def run_tests(tap, server):
    server.sql(f"CREATE DATABASE {DATABASE}")
    server.sql(SETUP, DATABASE)
    asked = "SELECT port FROM pg_hello_info() WHERE listening"
    target = f"127.0.0.1:{wait_for('the HTTP port', lambda: server.sql(asked, DATABASE))}"
    select = f'datname="{DATABASE}",schema="public",instance="{target}"'

    with Prometheus(target) as prometheus:
        code, output = promtool("check", "config", str(prometheus.config))
        tap.ok(code == 0, "promtool check config", output)
        wait_for("the first scrape", lambda: prometheus.value('up{job="pg_hello"}') == 1)

        output = put_load(server)
        done = f"processed: {TOTAL}/{TOTAL}" in output
        tap.ok(done, f"pgbench made {TOTAL} transactions", output)
        wait_for_scrape(prometheus, server)

        compare_counts(tap, prometheus, select)
        compare_with_sql(tap, prometheus, server, select)
        compare_server(tap, prometheus, server)

        code, output = promtool("check", "metrics", text=get(f"http://{target}/metrics"))
        tap.ok(code == 0 and not output, "promtool check metrics has nothing to say", code, output)
        wrong = "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n"
        code, output = promtool("check", "metrics", text=wrong)
        tap.ok(code != 0, "promtool check metrics would say it", output)

        compare_reset(tap, prometheus, server, select)
    tap.equal(prometheus.process.poll(), 0, "Prometheus ended when asked to")


def main():
    tap = Tap()
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {program} is not installed")
            return 0
    server = PrivateServer(settings={"pg_hello.track": "all"})
    return run_to_end(run_tests, tap, server)


if __name__ == "__main__":
    sys.exit(main())
