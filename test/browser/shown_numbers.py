#!/usr/bin/env python3
"""The page shows the numbers that SQL shows, follows them, and survives what happens to the server. Prints TAP."""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(os.environ["PG_HELLO_STAGE"]) / "support"))
from private_server import PrivateServer, free_port  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402
from chromium import Chromium, nonsense, number, row  # noqa: E402

SETUP = """
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION works(n integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN n; END';
    CREATE FUNCTION sleeps(seconds numeric) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(seconds); END';
    CREATE FUNCTION fails(sqlstate text) RETURNS integer LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION USING ERRCODE = fails.sqlstate; END';
    CREATE FUNCTION tries(sqlstate text) RETURNS integer LANGUAGE plpgsql AS
        'BEGIN RETURN fails(sqlstate); EXCEPTION WHEN OTHERS THEN RETURN 0; END';
    SELECT sum(works(i)) FROM generate_series(1, 1234) i;
    SELECT sleeps(0.02) FROM generate_series(1, 5);
    SELECT tries('22012') FROM generate_series(1, 7);
"""
WORKS, SLEEPS, FAILS = "works(integer)", "sleeps(numeric)", "fails(text)"

# What the page calls a number: what SQL calls it, in milliseconds if it is a duration.
TOTALS = {
    "Calls": "calls", "Errors": "errors", "Canceled": "canceled", "Running now": "active", "Total time": "total_time",
    "Self time": "self_time", "Mean": "mean_time", "Deviation": "stddev_time", "Shortest": "min_time",
    "Longest": "max_time", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99",
}


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode("utf-8")


def quiet(server, sql):
    return server.sql(f"SET pg_hello.track = none; {sql}")


def in_sql(server, function, columns):
    values = quiet(server, f"SELECT {', '.join(columns)} FROM pg_hello_stats WHERE function = '{function}'").split("|")
    return [float(value) if value else None for value in values]


def same(shown, expected):
    """Whether a number is another, rounded to three digits."""
    if shown is None or expected is None:
        return shown is expected
    return abs(shown - expected) <= 0.0051 * abs(expected)


def shows_totals(tap, server, browser, when):
    """What stands still is shown as SQL has it, in the table and of the function that is chosen."""
    for function in (WORKS, SLEEPS, FAILS):
        page = browser.until(f"{function} in the table", lambda page: row(page, "functions-table", function))
        p95, calls = in_sql(server, function, ["p95", "calls"])
        cells = row(page, "functions-table", function)
        tap.ok(number(cells[6]) == calls and same(number(cells[5]), p95), f"{when}: {function} in the table", cells, p95, calls)
        browser.choose(function)
        page = browser.until(f"{function} chosen", lambda page: page["texts"].get("chosen-title") == function and page["totals"])
        expected = in_sql(server, function, TOTALS.values())
        shown = [number(page["totals"].get(name, "0.1")) for name in TOTALS]
        counts = [one == other for one, other in list(zip(shown, expected))[:4]]
        tap.ok(all(counts) and all(map(same, shown, expected)), f"{when}: {function}, chosen", page["totals"], expected)


def shows_rates(tap, server, browser):
    browser.choose(SLEEPS)
    browser.until("a first column of the heatmap", lambda page: "while this page looked" in page["texts"].get("recent", ""))
    server.sql("SELECT sleeps(0.02), works(1) FROM generate_series(1, 40); SELECT tries('P0001')")
    moving = browser.until("rates", lambda page: number(row(page, "functions-table", SLEEPS)[2]))
    tap.ok(20 <= number(row(moving, "functions-table", SLEEPS)[4]) < 40, "a mean of the last seconds", row(moving, "functions-table", SLEEPS))
    tap.ok(number(row(moving, "functions-table", SLEEPS)[1]) > 1, "time per second", row(moving, "functions-table", SLEEPS))
    page = browser.until("all calls", lambda page: page["texts"]["recent"].startswith("40 calls: "))
    p50 = number(page["texts"]["recent"].split("p50 ")[1].split(",")[0])
    # Interpolated in a bucket that may begin 9.1 % below what is in it.
    tap.ok(20 / 1.091 <= p50 < 20 * 1.2, "40 calls and their median are in the heatmap's sum", page["texts"]["recent"])
    tap.ok("40 calls" in page["plots"]["heatmap"], "... and in its text alternative", page["plots"]["heatmap"])
    browser.find("#chosen summary").click()
    page = browser.until("the table", lambda page: page["tables"].get("distribution"))
    counted = sum(number(cells[2]) for cells in page["tables"]["distribution"])
    tap.equal(counted, 40.0, "... and in the table that says the same")
    cells = browser.run("return document.querySelectorAll('#heatmap rect').length")
    tap.ok(1 <= cells <= 40, "... in coloured cells", cells)
    tap.ok("at most 0 " not in page["plots"]["plot-calls"], "the plot has a text with its greatest value", page["plots"]["plot-calls"])
    tap.ok("at most 0 " not in row(page, "functions-table", SLEEPS)[7], "... and that in the table too", row(page, "functions-table", SLEEPS)[7])
    line = browser.run("return document.querySelector('#plot-calls path:last-child').getAttribute('d')")
    tap.ok(line.count("L") >= 2, "... and a line", line)
    errors = browser.run("return document.querySelector('#plot-errors').getAttribute('aria-label')")
    tap.ok("at most 0 " in errors, "no errors are shown where none were", errors)
    browser.until("no rates any more", lambda page: number(row(page, "functions-table", SLEEPS)[2]) == 0)


def shows_errors(tap, server, browser):
    server.sql("SELECT tries('P0001') FROM generate_series(1, 9)")
    page = browser.until("errors per second", lambda page: number(row(page, "functions-table", FAILS)[3]))
    tap.ok(number(row(page, "functions-table", "tries(text)")[3]) == 0, "errors are where they passed", row(page, "functions-table", "tries(text)"))


def counts_only_what_it_saw(tap, server, browser):
    """Calls that were made while a filter kept a function out are no burst when it is back."""
    browser.fill("#name-filter", "sleeps")
    browser.until("the filter", lambda page: row(page, "functions-table", WORKS) is None)
    server.sql("SELECT sum(works(i)) FROM generate_series(1, 6000) i")
    at = browser.read()["texts"]["connection"]
    browser.until("a poll without them", lambda page: page["texts"]["connection"] != at)
    seen = set()

    def is_known_again(page):
        cells = row(page, "functions-table", WORKS)
        seen.add(cells[2] if cells else "–")
        return cells is not None and cells[2] != "–"

    browser.fill("#name-filter", "")
    browser.until("the function again", is_known_again)
    tap.equal(sorted(seen), ["0", "–"], "calls that it did not see happen are in no rate")


def shows_running_calls(tap, server, browser):
    tap.ok("active-none" in browser.read()["texts"], "no call runs")
    command = ["psql", *server.connection(), "-X", "-q", "-d", "postgres", "-c", "SELECT sleeps(600)"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sleeper:
        page = browser.until("a running call", lambda page: row(page, "active-table", SLEEPS))
        pid, age = quiet(server, "SELECT pid, 1000 * extract(epoch FROM clock_timestamp() - call_start) FROM pg_hello_active").split("|")
        cells = row(page, "active-table", SLEEPS)
        tap.equal(cells[2:], ["1", pid], "its depth and its backend are those that SQL shows")
        tap.ok(0 <= number(cells[1]) <= float(age), "... and it is as old", cells, age)
        quiet(server, f"SELECT pg_cancel_backend({pid})")
        sleeper.wait(30)
    browser.until("no running call", lambda page: "active-none" in page["texts"])


def shows_health(tap, server, browser, url):
    page = browser.read()
    tap.equal(page["texts"]["verdict"], "✓ Health: pass", "the server is well")
    names = [cells[0].split("\n")[0] for cells in page["tables"]["health"]]
    tap.ok("worker:heartbeat" in names and "postgres:status" in names, "every check is listed", names)
    server.sql("ALTER SYSTEM SET pg_hello.listen_addresses = '127.0.0.1, 192.0.2.1'")
    server.sql("SELECT pg_reload_conf()")
    page = browser.until("a warning", lambda page: page["texts"]["verdict"] == "! Health: warn")
    first = page["tables"]["health"][0]
    output = json.loads(get(f"{url}health"))["checks"]["http:listening"][0]["output"]
    tap.ok(first[0].startswith("http:listening") and output in first[0] and first[1] == "! warn", "what is not well is first, with the reason", first)
    tap.equal(page["texts"]["announcement"], "Health: warn.", "... and is announced")
    browser.until("a warning in the title", lambda page: page["title"].startswith("warn"))
    server.sql("ALTER SYSTEM RESET pg_hello.listen_addresses")
    server.sql("SELECT pg_reload_conf()")
    browser.until("health", lambda page: page["texts"]["verdict"] == "✓ Health: pass")


def survives_reset(tap, server, browser):
    seen = []

    def reset_is_shown(page):
        seen.extend(nonsense(page))
        return number(row(page, "functions-table", WORKS)[6]) == 2

    browser.until("a poll", lambda page: number(row(page, "functions-table", WORKS)[6]) > 1000)
    quiet(server, "SELECT pg_hello_reset()")
    server.sql("SELECT works(1), works(2)")
    page = browser.until("the reset", reset_is_shown)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        seen.extend(nonsense(browser.read()))
    tap.equal(seen, [], "a reset makes no rate negative, and no number is none")
    calls = number(row(page, "functions-table", WORKS)[2])
    tap.ok(calls is None or 0 <= calls <= 2, "... nor too great", row(page, "functions-table", WORKS))


def survives_restart(tap, server, browser, save):
    """With its counters kept over the restart, or not."""
    what = f"restart with save {save}"
    server.sql(f"ALTER SYSTEM SET pg_hello.save = {save}")
    server.sql("SELECT pg_reload_conf()")
    before = number(row(browser.read(), "functions-table", WORKS)[6])
    server.stop()
    page = browser.until("no connection", lambda page: page["texts"]["connection"].startswith("No connection since "))
    tap.equal(page["title"], "no connection – pg_hello", f"{what}: the title says so too")
    tap.equal(page["texts"]["announcement"], page["texts"]["connection"], "... and it is announced")
    tap.equal(number(row(page, "functions-table", WORKS)[6]), before, "... and the last numbers stay")
    server.start()
    page = browser.until("a connection", lambda page: page["texts"]["connection"].endswith(", every 3 s"))
    tap.equal(page["texts"]["announcement"], "Connected again.", f"{what}: it comes back by itself")
    server.sql("SELECT works(1)")
    expected = before + 1 if save == "on" else 1
    seen = []

    def goes_on(page):
        seen.extend(nonsense(page))
        cells = row(page, "functions-table", WORKS)
        return cells is not None and number(cells[6]) == expected and number(cells[2]) is not None

    browser.until("rates again", goes_on)
    tap.equal(seen, [], f"{what}: no rate is negative")


def run_tests(tap, server, chromium, chromedriver):
    server.sql(SETUP)
    url = f"http://127.0.0.1:{server.settings['pg_hello.port']}/"
    with Chromium(chromium, chromedriver) as browser:
        browser.driver.get(url)
        page = browser.until("functions", lambda page: row(page, "functions-table", WORKS))
        tracked = quiet(server, "SELECT count(*) FROM pg_hello_stats")
        tap.equal(page["texts"]["counted"], f"10 of {tracked} functions.", "functions are listed")
        browser.until("a chosen function", lambda page: page["totals"])
        shows_totals(tap, server, browser, "at first")
        shows_rates(tap, server, browser)
        shows_errors(tap, server, browser)
        counts_only_what_it_saw(tap, server, browser)
        shows_totals(tap, server, browser, "after some calls")
        shows_running_calls(tap, server, browser)
        shows_health(tap, server, browser, url)
        tap.equal(browser.log(), [], "the console is empty")
        survives_reset(tap, server, browser)
        for save in ("on", "off"):
            survives_restart(tap, server, browser, save)
        said = [line for line in browser.log() if not line.startswith("network ")]
        tap.equal(said, [], "... and has had nothing to say but that the server was away")


def main():
    chromium, chromedriver = sys.argv[1:]
    server = PrivateServer(settings={"pg_hello.port": free_port()})
    return run_to_end(run_tests, Tap(), server, chromium, chromedriver)


if __name__ == "__main__":
    sys.exit(main())
