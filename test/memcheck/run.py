#!/usr/bin/env python3
"""A server under valgrind's memcheck, with a workload, errors, all answers, a reload and a reset. Fails for each error
in whose stack there is code of pg_hello; those of PostgreSQL alone, which is not built for valgrind, are
none of ours. Prints TAP.

usage: run.py     in a stage, as scripts/sanitize makes it
"""

import os
import pathlib
import re
import subprocess
import sys
import urllib.request

STAGE = pathlib.Path(os.environ["PG_HELLO_STAGE"])
sys.path.insert(0, str(STAGE / "support"))
from private_server import PrivateServer, test_dir, wait_for  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402

ACCEPTS = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0",
           "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
PATHS = ("/health?verbose", "/api/v1/functions?limit=50", "/api/v1/active", "/readyz?verbose", "/", "/none")
# PostgreSQL's own work, done when our workers connect: its file of cached relations has padding.
NOT_OURS = "RelationCacheInitializePhase3"
PATIENCE = 300  # seconds: everything is 30 times slower
ERRORS = """
    CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / 0; END $$;
    DO $$ BEGIN PERFORM fails(); EXCEPTION WHEN division_by_zero THEN NULL; END $$;
    DO $$ BEGIN EXECUTE 'DROP FUNCTION fails()'; END $$;
    SELECT count(*) FROM pg_hello_stats;
    SELECT count(*) FROM pg_hello_info(), pg_hello_memory();
    SELECT length(pg_hello_metrics()) > 0;
    SELECT pg_hello_reset() IS NOT NULL;
"""


class SlowServer(PrivateServer):
    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["valgrind", "--quiet", "--leak-check=no", "--num-callers=30", "--trace-children=yes", "--error-limit=no",
                 f"--log-file={test_dir()}/memcheck.%p.log", "postgres", "-D", str(self.data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("the server", lambda: "database system is ready" in self.log_text(), PATIENCE)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


def errors():
    """The texts of memcheck, one for each error."""
    for file in sorted(test_dir().glob("memcheck.*.log")):
        text = re.sub(r"^==\d+== ?", "", file.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)
        yield from (part for part in re.split(r"\n\s*\n", text) if re.search(r"^ +at 0x", part, re.MULTILINE))


def run_tests(tap, server, found):
    server.sql_file(STAGE / "scripts/sample_workload.sql")
    server.sql(ERRORS)
    port = wait_for("the HTTP port", lambda: server.sql("SELECT port FROM pg_hello_info() WHERE listening"), PATIENCE)
    for path, accept in [*(("/metrics", accept) for accept in ACCEPTS), *((path, "*/*") for path in PATHS)]:
        for coding in ("identity", "gzip"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}",
                                             headers={"Accept": accept, "Accept-Encoding": coding})
            try:
                status = urllib.request.urlopen(request, timeout=PATIENCE).status
            except urllib.error.HTTPError as error:
                status = error.code
            tap.equal(status, 404 if path == "/none" else 200, f"{path} as {accept}, {coding}")
    server.sql("ALTER SYSTEM SET pg_hello.metrics_max_functions = 5")
    server.sql("SELECT pg_reload_conf()")
    wait_for("the reload", lambda: server.sql("SHOW pg_hello.metrics_max_functions") == "5", PATIENCE)
    found.append(len(list(test_dir().glob("memcheck.*.log"))))


def main():
    tap, found = Tap(), []

    def look(tap):
        every = list(errors())
        ours = [error for error in every
                if re.search(r"pg_hello\.so|\([a-z_]+\.cpp:", error) and NOT_OURS not in error]
        tap.ok(found and found[0] > 5, f"memcheck looked at {found} processes")
        tap.ok(not ours, f"no error in pg_hello's code; {len(every)} in PostgreSQL's", *ours)

    settings = {"pg_hello.track": "all", "pg_hello.probe_interval": "5s", "pg_hello.probe_timeout": "4s", "autovacuum": "off"}
    return run_to_end(run_tests, tap, SlowServer("memcheck", settings), found, after=look)


if __name__ == "__main__":
    sys.exit(main())
