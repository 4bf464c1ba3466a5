"""The mixed load: each client is a thread that does one kind of thing again and again, at its own pace, and counts it.

A client does nothing while the load is paused; then what it has counted is what it has done.
"""

import gzip
import http.client
import json
import random
import threading
import time
import traceback

import psycopg2

SETUP = """
CREATE EXTENSION pg_hello;
CREATE TABLE taken(i int PRIMARY KEY);
INSERT INTO taken VALUES (1);
CREATE FUNCTION fine(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
CREATE FUNCTION plain(i int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT i LIMIT 1';
CREATE FUNCTION outermost(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN fine(i) + plain(i); END';
CREATE FUNCTION stormed(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
CREATE FUNCTION divides() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / 0; END';
CREATE FUNCTION inserts() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO taken VALUES (1); RETURN 1; END';
CREATE FUNCTION raises() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = '55P03'; END$$;
CREATE FUNCTION guarded() RETURNS int LANGUAGE plpgsql
  AS 'BEGIN RETURN divides(); EXCEPTION WHEN OTHERS THEN RETURN 0; END';
CREATE FUNCTION sleeps() RETURNS int LANGUAGE plpgsql
  AS $$BEGIN RAISE NOTICE 'in'; PERFORM pg_sleep(60); RETURN 1; END$$;
CREATE FUNCTION restarted(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END';
"""

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# Path, Accept, and what the answer's type begins with.
ASKED = [("/metrics", TEXT, "text/plain"), ("/metrics", OPENMETRICS, "application/openmetrics-text"),
         ("/metrics", PROTOBUF, "application/vnd.google.protobuf"),
         ("/api/v1/functions?limit=1000", "*/*", "application/json"), ("/api/v1/active", "*/*", "application/json"),
         ("/health", "*/*", "application/health+json"), ("/livez", "*/*", "text/plain"),
         ("/readyz?verbose", "*/*", "text/plain"), ("/", "*/*", "text/html")]


class Load:
    def __init__(self, server, port, truth, lose=0):
        """`lose`: so many calls are made and not counted, to see that this is found out."""
        self.server, self.port, self.truth, self.lose = server, port, truth, lose
        self.done, self.faults, self.lasting_pids = {}, [], {}
        self.running, self.stopping = threading.Event(), threading.Event()
        self.resting = threading.Semaphore(0)
        # Client, and how often a second.
        self.kinds = [(self.caller("caller"), 8), (self.caller("second caller"), 8), (self.failing(), 4),
                      (self.timing_out(), 0.5), (self.storm(), 0.5), (self.lasting_churn(), 2), (self.churn(), 0.3),
                      (self.resets(), 1), (self.scrapes(), 2), (self.reloads(), 0.2)]
        self.threads = [threading.Thread(target=self.run, args=kind, daemon=True) for kind in self.kinds]

    def start(self):
        self.running.set()
        for thread in self.threads:
            thread.start()

    def pause(self):
        """Returns when every client has ended what it was doing."""
        self.running.clear()
        for _ in self.threads:
            if not self.resting.acquire(timeout=120):
                raise TimeoutError(f"a client does not come to rest; {self.faults}")

    def resume(self):
        self.running.set()

    def stop(self):
        """While paused: ends all sessions."""
        self.stopping.set()
        self.running.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, steps, rate):
        try:
            for name in steps:
                self.done[name] = self.done.get(name, 0) + 1
                if not self.running.is_set():
                    self.resting.release()
                    self.running.wait()
                if self.stopping.is_set():
                    return
                time.sleep(random.uniform(0.5, 1.5) / rate)
        except Exception:  # whatever it was: the soak fails
            self.faults.append(traceback.format_exc())
            self.resting.release()
        finally:
            steps.close()

    def connect(self, name=None):
        session = psycopg2.connect(host=self.server.host, port=self.server.PORT, user="postgres", dbname="postgres")
        session.autocommit = True
        if name:
            self.lasting_pids[name] = session.info.backend_pid
        return session

    def count(self, function, calls=1, **more):
        if self.lose > 0:
            self.lose -= 1
            calls -= 1
        if calls:
            self.truth.add(function, calls=calls, **more)

    def caller(self, name):
        session = self.connect(name)
        cursor = session.cursor()
        while True:
            many = random.randint(1, 50)
            cursor.execute("SELECT sum(outermost(i)) FROM generate_series(1, %s) i", (many,))
            for function in ("outermost(integer)", "fine(integer)", "plain(integer)"):
                self.count(function, calls=many)
            yield "calls"

    def failing(self):
        session = self.connect("failing")
        cursor = session.cursor()
        while True:
            function, code = random.choice([("divides()", "22012"), ("inserts()", "23505"), ("raises()", "55P03")])
            try:
                cursor.execute(f"SELECT {function}")
            except psycopg2.Error as error:
                if error.pgcode != code:
                    raise
            self.count(function, errors=1, origins={code[:2]: 1})
            cursor.execute("SELECT guarded()")
            self.count("guarded()")
            self.count("divides()", errors=1, origins={"22": 1})
            yield "errors"

    def timing_out(self):
        session = self.connect("timing out")
        cursor = session.cursor()
        cursor.execute("SET statement_timeout = 50")
        while True:
            session.notices.clear()
            try:
                cursor.execute("SELECT sleeps()")
            except psycopg2.errors.QueryCanceled:
                # On a busy machine it may come to that before the call.
                if session.notices:
                    self.count("sleeps()", errors=1, canceled=1, origins={"57": 1})
            yield "timeouts"

    def storm(self):
        while True:
            sessions = [self.connect() for _ in range(10)]
            for session in sessions:
                session.cursor().execute("SELECT stormed(1)")
                self.count("stormed(integer)")
            for session in sessions:
                session.close()
            yield "storms"

    def create_and_drop(self, cursor, name, how):
        """Each is called, looked at and dropped; then it must be gone."""
        names = [f"churned_{name}_{i}" for i in range(10)]
        for function in names:
            cursor.execute(f"CREATE FUNCTION {function}(i int) RETURNS int {how}")
        calls = random.randint(1, 5)
        cursor.execute("SELECT " + ", ".join(f"sum({function}(i))" for function in names)
                       + " FROM generate_series(1, %s) i", (calls,))
        asked = f"SELECT count(*), min(calls), max(calls) FROM pg_hello_stats WHERE function LIKE 'churned\\_{name}\\_%'"
        cursor.execute(asked)
        if (seen := cursor.fetchone()) != (len(names), calls, calls):
            self.faults.append(f"{len(names)} new functions with {calls} calls each are counted as {seen}")
        cursor.execute("DROP FUNCTION " + ", ".join(names))
        cursor.execute(asked)
        if (seen := cursor.fetchone()) != (0, None, None):
            self.faults.append(f"functions are dropped, and still there: {seen}")

    def lasting_churn(self):
        """SQL functions, of which PostgreSQL itself keeps nothing in the session."""
        cursor = self.connect("churn").cursor()
        while True:
            self.create_and_drop(cursor, "sql", "VOLATILE LANGUAGE sql AS 'SELECT i LIMIT 1'")
            yield "functions dropped, tens"

    def churn(self):
        """PL/pgSQL keeps its functions until the session ends."""
        while True:
            session = self.connect()
            self.create_and_drop(session.cursor(), "pl", "LANGUAGE plpgsql AS 'BEGIN RETURN i; END'")
            session.close()
            yield "functions dropped, tens"

    def resets(self):
        cursor = self.connect("resets").cursor()
        while True:
            for _ in range(10):
                cursor.execute("SELECT restarted(1)")
                self.count("restarted(integer)")
                yield "calls of what is reset"
            cursor.execute("SELECT pg_hello_reset('postgres', 'restarted(int)'::regprocedure)")
            self.truth.forget("restarted(integer)")
            yield "resets"

    def scrapes(self):
        """Over connections that last for a while."""
        while True:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            for path, accept, kind in random.sample(ASKED, len(ASKED)):
                compressed = random.random() < 0.5
                client.request("GET", path, headers={
                    "Host": "localhost", "Accept": accept, "Accept-Encoding": "gzip" if compressed else "identity"})
                answer = client.getresponse()
                body = answer.read()
                if answer.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if answer.status != 200 or not body or not answer.headers["Content-Type"].startswith(kind):
                    self.faults.append(f"{path}: {answer.status} {answer.headers['Content-Type']} {body[:200]}")
                if "json" in kind:
                    json.loads(body)
                yield "answers"
            client.close()

    def reloads(self):
        cursor = self.connect("reloads").cursor()
        while True:
            for settings in ({"metrics_max_functions": 2, "unix_socket_path": "'pg_hello.sock'", "probe_interval": "'2s'"},
                             {"metrics_max_functions": 1000, "unix_socket_path": "''", "probe_interval": "'1s'"}):
                for name, value in settings.items():
                    cursor.execute(f"ALTER SYSTEM SET pg_hello.{name} = {value}")
                cursor.execute("SELECT pg_reload_conf()")
                yield "reloads"
