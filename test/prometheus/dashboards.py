#!/usr/bin/env python3
"""Every query of the dashboards and every recording rule returns data, on a real Prometheus that scraped a
real server with some calls; and what the runbooks tell people to ask can be asked. Prints TAP."""

import json
import math
import os
import pathlib
import re
import shutil
import sys

STAGE = pathlib.Path(os.environ["PG_HELLO_STAGE"])
sys.path.insert(0, str(STAGE / "support"))
from private_server import PrivateServer, wait_for  # noqa: E402
from harness import Prometheus, Tap, get, promtool, run_to_end, wait_for_scrape  # noqa: E402

DATABASE = "shop"
RULES = ("recording.yml", "alerts.yml")
SETUP = """
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION numbers(n integer) RETURNS SETOF integer LANGUAGE plpgsql AS $$
    BEGIN
        IF n < 0 THEN RAISE EXCEPTION 'negative'; END IF;
        RETURN QUERY SELECT generate_series(1, n);
    END $$;
    CREATE FUNCTION try(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        RETURN (SELECT count(*) FROM numbers(n));
    EXCEPTION WHEN raise_exception THEN
        RETURN 0;
    END $$;
"""
LOAD = "SELECT sum(try(i)), count(pg_hello('World')) FROM generate_series(-50, 50) i"


def substituted(expr, values):
    """As Grafana does it, whole names only."""
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], expr)


def values_for(dashboard, target):
    """A value for each variable: all where several can be chosen, else the function under load."""
    one = {"job": "pg_hello", "instance": target, "datname": DATABASE, "schema": "public",
           "function": "numbers(integer)", "compare": "2s"}
    values = {"__rate_interval": "1m", "__range": "5m"}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if name != "datasource":
            values[name] = variable["allValue"] if variable.get("includeAll") else one[name]
    return values


def has_numbers(samples):
    return any(not math.isnan(value) for _, value in samples)


def ask_until_numbers(tap, prometheus, server, queries):
    """`queries`: (name, PromQL). Load goes on until all have answers, or for a minute."""
    left = dict.fromkeys(queries)

    def ask():
        server.sql(LOAD, DATABASE)
        for key in [key for key in left if has_numbers(prometheus.query(key[1]))]:
            del left[key]
        return not left

    try:
        wait_for("answers to all queries", ask)
    except TimeoutError:
        pass  # those left are reported below
    for key in queries:
        tap.ok(key not in left, f"{key[0]} has data", key[1])


def of_dashboard(file, target):
    dashboard = json.loads(file.read_text(encoding="utf-8"))
    values = values_for(dashboard, target)
    for panel in dashboard["panels"]:
        for query in panel["targets"]:
            name = f"{dashboard['title']}: {panel['title']} {query['refId']}"
            yield name, substituted(query["expr"], values)


def of_variables(tap, prometheus, dashboard, values):
    """What Grafana offers to choose from contains what the panels were asked with."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = variable["query"]["query"].removeprefix("label_values(")[:-1].rsplit(",", 1)
        found = {labels[label.strip()] for labels, _ in prometheus.query(substituted(selector, values))}
        wanted = values[variable["name"]]
        tap.ok(found and (wanted == ".+" or wanted in found), f"{dashboard['title']}: ${variable['name']}",
               found, wanted)


def blocks(language):
    """(page, text) of each block of that language in the runbooks."""
    for page in sorted((STAGE / "docs/runbooks").glob("PgHello*.md")):
        for text in re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            yield page.name, text


def ask_runbooks(tap, prometheus, server):
    for page, text in blocks("sql"):
        try:
            server.sql(f"SET ROLE pg_monitor; {text}", DATABASE)
            tap.ok(True, f"{page}: SQL")
        except RuntimeError as error:
            tap.ok(False, f"{page}: SQL", text, error)
    for page, text in blocks("promql"):
        for query in text.splitlines():
            try:
                prometheus.query(query)
                tap.ok(True, f"{page}: {query}")
            except OSError as error:
                tap.ok(False, f"{page}: {query}", error)


def run_tests(tap, server):
    server.sql(f"CREATE DATABASE {DATABASE}")
    server.sql(SETUP, DATABASE)
    asked = "SELECT port FROM pg_hello_info() WHERE listening"
    target = f"127.0.0.1:{wait_for('the HTTP port', lambda: server.sql(asked, DATABASE))}"
    prometheus = Prometheus(target)
    files = "".join(f"  - {STAGE}/dashboards/prometheus/{name}\n" for name in RULES)
    config = prometheus.config.read_text(encoding="utf-8")
    prometheus.config.write_text(
        config.replace("global:\n", "global:\n  evaluation_interval: 1s\n") + "rule_files:\n" + files, encoding="utf-8")
    with prometheus:
        code, output = promtool("check", "config", str(prometheus.config))
        tap.ok(code == 0, "promtool check config", output)
        server.sql(LOAD, DATABASE)
        wait_for_scrape(prometheus, server)

        groups = json.loads(get(prometheus.url + "/api/v1/rules"))["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
        boards = sorted((STAGE / "dashboards/grafana").glob("*.json"))
        tap.ok(len(recorded) > 10 and len(boards) == 3, "there are rules and dashboards", recorded, boards)
        queries = [(f"rule {name}", name) for name in recorded]
        for file in boards:
            queries += of_dashboard(file, target)
        ask_until_numbers(tap, prometheus, server, queries)
        for file in boards:
            dashboard = json.loads(file.read_text(encoding="utf-8"))
            of_variables(tap, prometheus, dashboard, values_for(dashboard, target))
        ask_runbooks(tap, prometheus, server)

        tap.equal(has_numbers(prometheus.query("pg_hello_no_such_metric")), False, "no data is seen as none")
        groups = json.loads(get(prometheus.url + "/api/v1/rules"))["data"]["groups"]
        sick = [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]
        tap.equal(sick, [], "every rule is evaluated without error")
        firing = prometheus.query('ALERTS{alertstate="firing"}')
        tap.equal(firing, [], "no alert fires for a healthy server")


def main():
    tap = Tap()
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {program} is not installed")
            return 0
    return run_to_end(run_tests, tap, PrivateServer())


if __name__ == "__main__":
    sys.exit(main())
