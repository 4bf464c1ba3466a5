#!/usr/bin/env python3
"""What pg_hello.track_inlinable = on costs: plans and CPU time of queries with SQL functions that the
planner would inline, with pg_hello.track = all, off and on in turn.

CPU times are the backend's own (/proc/self/schedstat), medians of rounds; each round asks all
queries both ways. Prints a table in Markdown.

usage: inlining.py [--rounds N]     in a stage as scripts/bench makes it
"""

import argparse
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer  # noqa: E402

ROWS = 100_000

SETUP = f"""
CREATE TABLE t (a integer PRIMARY KEY, b text, k integer);
INSERT INTO t SELECT i, (i % 1000)::text, i % 8 FROM generate_series(1, {ROWS}) i;
CREATE TABLE parted (k integer, a integer) PARTITION BY LIST (k);
DO $$ BEGIN FOR i IN 0..7 LOOP
  EXECUTE format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES IN (%1$s)', i);
END LOOP; END $$;
INSERT INTO parted SELECT k, a FROM t;

CREATE FUNCTION same(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE FUNCTION plus_one(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION lowered(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT lower($1)';
CREATE FUNCTION below(integer) RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t WHERE a < $1';
CREATE FUNCTION everything() RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t';
CREATE INDEX t_lowered ON t (lowered(b));
ANALYZE parted;
"""

QUERIES = {
    "scalar, in the select list": "SELECT sum(plus_one(a)) FROM t",
    "scalar, on an indexed column": "SELECT count(*) FROM t WHERE same(a, 42)",
    "scalar, on a partition key": "SELECT count(*) FROM parted WHERE same(k, 3)",
    "scalar, in an expression index": "SELECT count(*) FROM t WHERE lowered(b) = '7'",
    "set, all of it": "SELECT count(*) FROM everything()",
    "set, its argument indexed": "SELECT count(*) FROM below(10)",
    "set, a condition outside": "SELECT count(*) FROM everything() WHERE a = 42",
    "set, LIMIT outside": "SELECT * FROM everything() LIMIT 1",
    "set, joined": "SELECT count(*) FROM below(100) r JOIN t USING (a)",
}

# The counter is brought up to date when the process is taken off its CPU.
CPU = "SELECT pg_sleep(0.002); SELECT 'cpu ' || split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)"

# Executions in one measurement: those without inlining take longer.
EXECUTIONS = {"off": 30, "on": 3}


def settings(inlinable):
    return f"SET pg_hello.track = 'all'; SET pg_hello.track_inlinable = {inlinable};"


def cpu_ms(server, query, inlinable):
    """Of one execution, after a first one that has filled the session's caches."""
    again = EXECUTIONS[inlinable]
    text = server.sql(f"{settings(inlinable)} {query}; {CPU}; {f'{query};' * again} {CPU}")
    before, after = (int(line.split()[1]) for line in text.split("\n") if line.startswith("cpu "))
    return (after - before) / 1e6 / again


def nodes(plan):
    """The plan's node types from the top along the first child, aggregates left out."""
    name = plan["Node Type"] + (f" x{len(plan['Plans'])}" if plan["Node Type"] == "Append" else "")
    rest = nodes(plan["Plans"][0]) if plan.get("Plans") else []
    return rest if plan["Node Type"] == "Aggregate" else [name, *rest]


def plan_of(server, query, inlinable):
    text = server.sql(f"{settings(inlinable)} EXPLAIN (FORMAT JSON) {query}")
    return " > ".join(nodes(json.loads(text)[0]["Plan"]))


def measure(server, rounds):
    server.sql(SETUP)
    server.sql("VACUUM ANALYZE t")
    costs = {name: {"off": [], "on": []} for name in QUERIES}
    for _ in range(rounds):
        for name, query in QUERIES.items():
            for inlinable, measured in costs[name].items():
                measured.append(cpu_ms(server, query, inlinable))
    return {
        name: {
            "ms": {inlinable: statistics.median(values) for inlinable, values in costs[name].items()},
            "plan": {inlinable: plan_of(server, query, inlinable) for inlinable in ("off", "on")},
        }
        for name, query in QUERIES.items()
    }


def table(report):
    yield "| function | query | off, ms | on, ms | ratio | plan, off | plan, on |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in report.items():
        off, on = row["ms"]["off"], row["ms"]["on"]
        same = row["plan"]["off"] == row["plan"]["on"]
        yield (f"| {name} | `{QUERIES[name]}` | {off:.2f} | {on:.2f} | {on / off:.1f} | {row['plan']['off']}"
               f" | {'the same' if same else row['plan']['on']} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    conf = {"autovacuum": "off", "jit": "off", "max_parallel_workers_per_gather": "0"}
    with PrivateServer("bench", settings=conf) as server:
        print("\n".join(table(measure(server, options.rounds))))


if __name__ == "__main__":
    main()
