"""What is measured: functions, configurations, and a session whose CPU time can be read.

Costs are CPU times of the backend (/proc/PID/schedstat, nanoseconds), not of the wall clock: on a
shared machine it is the measure that depends least on what else runs.
"""

import pathlib
import statistics
import subprocess
import sys

# A server that does nothing of its own accord.
SETTINGS = {
    "autovacuum": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "max_parallel_workers_per_gather": "0",
    "max_connections": "40",
    "checkpoint_timeout": "1h",
}

FUNCTIONS_ON_A_THOUSAND = 1000

SETUP = f"""
CREATE EXTENSION pg_hello;
CREATE FUNCTION f_c(integer) RETURNS integer
  AS 'pg_hello_test', 'pg_hello_test_noop' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION f_pl(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
CREATE FUNCTION f_sql(i integer) RETURNS integer LANGUAGE sql AS 'SELECT i LIMIT 1';
CREATE FUNCTION f_mid(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN f_pl(i) + 1; END';
CREATE FUNCTION f_nest(i integer) RETURNS integer LANGUAGE plpgsql
  AS 'BEGIN RETURN f_mid(i) + f_pl(i) + f_c(i); END';
CREATE FUNCTION f_set(integer) RETURNS SETOF integer
  AS 'pg_hello_test', 'pg_hello_test_srf' LANGUAGE C IMMUTABLE STRICT;
CREATE TABLE triggered(i integer);
CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER on_insert BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION f_trigger();

-- A short transaction with three tracked calls.
CREATE TABLE account(id integer PRIMARY KEY, balance integer);
INSERT INTO account SELECT i, i FROM generate_series(1, 1000) i;
CREATE FUNCTION get_balance(i integer) RETURNS integer LANGUAGE plpgsql
  AS 'BEGIN RETURN (SELECT balance FROM account WHERE id = i); END';
CREATE FUNCTION fee(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i / 100; END';
CREATE FUNCTION quote(i integer) RETURNS integer LANGUAGE plpgsql
  AS 'BEGIN RETURN get_balance(i) + fee(i); END';

-- pgbench's own transaction, in one function.
CREATE FUNCTION tpcb(aid integer, bid integer, tid integer, delta integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE balance integer;
BEGIN
  UPDATE pgbench_accounts SET abalance = abalance + delta WHERE pgbench_accounts.aid = tpcb.aid
    RETURNING abalance INTO balance;
  UPDATE pgbench_tellers SET tbalance = tbalance + delta WHERE pgbench_tellers.tid = tpcb.tid;
  UPDATE pgbench_branches SET bbalance = bbalance + delta WHERE pgbench_branches.bid = tpcb.bid;
  INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (tid, bid, aid, delta, now());
  RETURN balance;
END $$;

DO $$
BEGIN
  FOR n IN 1..{FUNCTIONS_ON_A_THOUSAND} LOOP
    EXECUTE format('CREATE FUNCTION f_%s(integer) RETURNS integer'
      ' AS ''pg_hello_test'', ''pg_hello_test_noop'' LANGUAGE C IMMUTABLE STRICT', n);
  END LOOP;
END $$;
"""


def calls_of(function):
    return f"SELECT count({function}(i)) FROM generate_series(1, {{n}}) i"


# name -> (statement that makes {n} calls, tracked calls in each of them, n)
CALLS = {
    "C": (calls_of("f_c"), 1, 20_000),
    "PL/pgSQL": (calls_of("f_pl"), 1, 10_000),
    "SQL": (calls_of("f_sql"), 1, 4_000),
    "nested PL/pgSQL": (calls_of("f_nest"), 5, 3_000),
    "trigger": ("INSERT INTO triggered SELECT generate_series(1, {n})", 1, 6_000),
    "set-returning C": ("SELECT count(s) FROM (SELECT f_set(1) AS s FROM generate_series(1, {n})) t", 1, 8_000),
}

# name -> (track_functions, pg_hello.track, pg_hello.clock)
CONFIGURATIONS = {
    "none": ("none", "none", "auto"),
    "none (again)": ("none", "none", "auto"),
    "track_functions": ("all", "none", "auto"),
    "pg_hello": ("none", "all", "auto"),
    "both": ("all", "all", "auto"),
    "pg_hello, monotonic clock": ("none", "all", "monotonic"),
}


def set_configuration(name):
    track_functions, track, clock = CONFIGURATIONS[name]
    return (f"SET track_functions = '{track_functions}'; SET pg_hello.track = '{track}';"
            f" SET pg_hello.clock = '{clock}'")


class Session:
    """One psql, and so one backend, driven statement by statement."""

    def __init__(self, server):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *server.connection(), "postgres"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.schedstat = pathlib.Path(f"/proc/{int(self.run('SELECT pg_backend_pid()'))}/schedstat")

    def start(self, sql):
        self.psql.stdin.write(sql + ";\n\\echo done\n")
        self.psql.stdin.flush()

    def wait(self):
        lines = []
        for line in self.psql.stdout:
            if line == "done\n":
                return "".join(lines).strip()
            lines.append(line)
        raise RuntimeError("psql ended")

    def run(self, sql):
        self.start(sql)
        return self.wait()

    def cpu_ns(self):
        return int(self.schedstat.read_text().split()[0])

    def cost_of(self, sql):
        """CPU nanoseconds that the backend takes for it."""
        before = self.cpu_ns()
        self.run(sql)
        return self.cpu_ns() - before

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def tenth_percentile(values):
    return sorted(values)[len(values) // 10]


def added(costs, configuration, base="none"):
    """What a configuration adds to `base`: difference of the 10th percentiles, and median of the
    differences within each round."""
    pairs = zip(costs[configuration], costs[base])
    return {
        "p10": tenth_percentile(costs[configuration]) - tenth_percentile(costs[base]),
        "median": statistics.median(cost - without for cost, without in pairs),
    }


def ratio(part, whole):
    return part / whole if whole > 0 else None


class Progress:
    """One line on the terminal, or one now and then in a log."""

    def __init__(self, what, total):
        self.what, self.total, self.shown = what, total, -1

    def step(self, done):
        if sys.stderr.isatty():
            print(f"\r{self.what}: {done} of {self.total} ", end="\n" if done == self.total else "",
                  file=sys.stderr, flush=True)
        elif done * 10 // self.total > self.shown:
            self.shown = done * 10 // self.total
            print(f"{self.what}: {done} of {self.total}", file=sys.stderr, flush=True)
