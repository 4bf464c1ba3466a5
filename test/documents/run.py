#!/usr/bin/env python3
"""What README and docs/ show is run as it stands there, against a private server, in the order in which it
stands there; what is not says why, and is listed.

Documents speak of a machine of their own: what of it is something else here is in stand_ins().

usage: run.py [DOCUMENT ...]      for example: run.py docs/operations.md
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

STAGE = pathlib.Path(os.environ["PG_HELLO_STAGE"])
sys.path.insert(0, str(STAGE / "support"))
import tap as tap_protocol  # noqa: E402
from private_server import PrivateServer, free_port, test_dir  # noqa: E402

from blocks import blocks_of, pattern_of, sessions_of  # noqa: E402

DATABASES = ("shop", "crm", "shop_test", "staging")
# A failed command whose status is not expected ends the script.
BASH = """trap 'status=$?; case " {statuses} " in *" $status "*) ;; *)
echo "line $LINENO ended with $status" >&2; exit 99;; esac' ERR
set -o pipefail
"""


class DocumentedServer(PrivateServer):
    def __init__(self):
        self.PORT = free_port()
        self.metrics_port = free_port()
        super().__init__(settings={
            "listen_addresses": "127.0.0.1", "pg_hello.port": self.metrics_port, "lc_messages": "C",
            "pg_hello.probe_interval": "1s", "pg_hello.track": "pl", "track_functions": "none"})

    def environment(self, work):
        return {**os.environ, "PGHOST": self.host, "PGPORT": str(self.PORT), "PGUSER": "postgres",
                "PGDATA": str(work / "recovered"), "HOME": str(work), "PAGER": "cat"}

    def furnish(self):
        """As the documents assume it: databases, functions that were called, roles."""
        self.sql("CREATE ROLE monitor LOGIN; CREATE ROLE app LOGIN; CREATE ROLE alice; CREATE ROLE bob")
        for database in DATABASES:
            self.sql(f"CREATE DATABASE {database}")
        self.sql("CREATE EXTENSION pg_hello", "postgres")
        # Also an error that nobody catches, on purpose.
        subprocess.run(["psql", *self.connection(), "--no-psqlrc", "--quiet", "--dbname=shop", "--output=/dev/null",
                        f"--file={STAGE / 'scripts/sample_workload.sql'}"], check=True, capture_output=True)
        for database in DATABASES[1:]:
            self.sql("CREATE EXTENSION pg_hello; SELECT pg_hello('x')", database)
        self.sql("GRANT pg_monitor, hello_users, hello_admins TO monitor; GRANT hello_users TO app;"
                 "CREATE TABLE accounts (id integer PRIMARY KEY, password text)", "shop")

    def tidy(self, databases):
        """What a document has made or set is not the next one's."""
        self.sql("ALTER SYSTEM RESET ALL")
        self.sql("SELECT pg_reload_conf()")
        for name in self.databases() - databases:
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def databases(self):
        return set(self.sql("SELECT datname FROM pg_database").splitlines())


def stand_ins(server, work):
    """(what documents say, what it is here). Times are shorter: what takes its time has tests of its own."""
    return [
        ("127.0.0.1:9797", f"127.0.0.1:{server.metrics_port}"),
        ("db1.example.org", server.host),
        ("-h db1 ", f"-h {server.host} "),
        ("@db1/", f"@127.0.0.1:{server.PORT}/"),
        ("/backup/pg_hello", str(work / "backup")),
        ("/var/lib/pg_hello", str(work / "kept")),
        ("/etc/pg_hello", str(work / "etc")),
        ("/run/postgresql/pg_hello.sock", f"{server.host}/pg_hello.sock"),
        (" load --clients", f" load --scripts-dir {STAGE / 'share/load'} --clients"),
        ("--duration 60", "--duration 2"),
        ("--over 60", "--over 2"),
        ("20261125T023000Z", max([path.name for path in (work / "backup").glob("2*Z*")], default="no backup")),
    ]


class Runner:
    def __init__(self, server, work):
        self.server, self.work = server, work
        self.environment = server.environment(work)
        for name in ("backup", "kept", "etc"):
            (work / name).mkdir(parents=True)
        shutil.copy(STAGE / "dashboards/prometheus/alerts.yml", work)

    def adapted(self, text):
        for documented, here in stand_ins(self.server, self.work):
            text = text.replace(documented, here)
        return text

    def as_documented(self, text):
        """What was printed, in the documents' words."""
        for documented, here in stand_ins(self.server, self.work):
            if here.startswith(("/", "127.")) or documented.endswith("Z"):
                text = text.replace(here, documented)
        return text

    def program(self, command, text=""):
        try:
            done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  cwd=self.work, env=self.environment, timeout=120, check=False)
        except subprocess.TimeoutExpired as still_running:
            return "none after 120 s", str(still_running.output)
        return done.returncode, done.stdout

    def bash(self, script, statuses):
        prologue = BASH.format(statuses=" ".join(map(str, statuses)))
        return self.program(["bash", "-c", prologue + self.adapted(script)])

    def run(self, block):
        """What is wrong, or nothing."""
        return getattr(self, f"run_{block.language}")(block)

    def run_sh(self, block):
        if block.until_it_prints:
            return self.run_until_it_prints(block)
        status, output = self.bash(block.text, block.statuses)
        return "" if status in block.statuses else f"exit status {status}\n{output}"

    def run_until_it_prints(self, block):
        with subprocess.Popen(["bash", "-c", "exec " + self.adapted(block.text)], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, cwd=self.work, env=self.environment) as running:
            try:
                line = running.stdout.readline()
            finally:
                running.send_signal(signal.SIGTERM)
            rest = running.communicate(timeout=60)[0]
        return "" if line and running.returncode in range(4) else f"exit status {running.returncode}\n{line}{rest}"

    def run_console(self, block):
        for command, shown in sessions_of(block):
            status, output = self.bash(command, block.statuses)
            if status not in block.statuses:
                return f"$ {command}\nexit status {status}\n{output}"
            if not pattern_of(shown).fullmatch(self.as_documented(output)):
                return f"$ {command}\nprinted:\n{output}"
        return ""

    def run_sql(self, block):
        if block.new_database:
            self.server.sql("CREATE DATABASE new_database")
        status, output = self.program(
            ["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file=-",
             f"--dbname={'new_database' if block.new_database else 'shop'}"], self.adapted(block.text))
        return "" if status == 0 else output

    def run_ini(self, block):
        settings = re.findall(r"^([\w.]+)\s*=\s*(?:'((?:[^']|'')*)'|([^\s#]+))\s*(?:#.*)?$", block.text, re.MULTILINE)
        lines = [line for line in block.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if len(settings) != len(lines):
            return f"{len(lines)} lines, of which {len(settings)} are settings"
        script = "".join(f"ALTER SYSTEM SET {name} = '{quoted or bare}';\n" for name, quoted, bare in settings)
        status, output = self.program(
            ["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname=shop", "--file=-"],
            self.adapted(script) + "ALTER SYSTEM RESET ALL;\n")
        return "" if status == 0 else output

    def promtool(self, text, *arguments):
        file = self.work / "for_promtool.yml"
        file.write_text(text, encoding="utf-8")
        return self.program(["promtool", "check", *arguments, str(file)])

    def run_yaml(self, block):
        status, output = self.promtool(block.text, "config", "--syntax-only")
        return "" if status == 0 else output

    def run_promql(self, block):
        def check(expressions):
            rules = "".join(f"  - record: documented:{number}\n    expr: |\n" + re.sub(r"^", " " * 6, text, flags=re.MULTILINE)
                            + "\n" for number, text in enumerate(expressions))
            return self.promtool("groups:\n- name: documented\n  rules:\n" + rules, "rules")

        whole = block.text.rstrip("\n")
        lines = [line for line in whole.split("\n") if line.strip()]
        if check([whole])[0] == 0:
            return ""
        status, output = check(lines)
        return "" if status == 0 else output


def documents():
    first = ["docs/operations.md", "README.md"]
    rest = sorted(str(file.relative_to(STAGE)) for tree in ("docs", "dashboards") for file in (STAGE / tree).rglob("*.md"))
    return [name for name in first if (STAGE / name).exists()] + [name for name in rest if name not in first]


def run_document(tap, server, name, have_promtool):
    """How many blocks of it were run, were not, and are no commands."""
    work = test_dir() / name.replace("/", "_")
    shutil.rmtree(work, ignore_errors=True)
    runner = Runner(server, work)
    try:
        blocks = blocks_of(name, (STAGE / name).read_text(encoding="utf-8"))
    except ValueError as error:
        tap.ok(False, f"{name} can be read", error)
        return 0, 0, 0
    counts = {"run": 0, "not run": 0, "text": 0}
    for block in blocks:
        reason = block.not_run
        if not reason and block.language in ("yaml", "promql") and not have_promtool:
            reason = "promtool is not installed"
        if block.language == "text":
            counts["text"] += 1
        elif reason:
            counts["not run"] += 1
            print(f"# not run: {block.name}: {reason}", flush=True)
        else:
            counts["run"] += 1
            wrong = runner.run(block)
            tap.ok(not wrong, block.name, wrong)
    return counts.values()


def tests(tap, server, names):
    server.furnish()
    databases = server.databases()
    have_promtool = shutil.which("promtool") is not None
    totals = [0, 0, 0]
    for name in names:
        for position, count in enumerate(run_document(tap, server, name, have_promtool)):
            totals[position] += count
        server.tidy(databases)
    print(f"# blocks: {totals[0]} run, {totals[1]} not run, {totals[2]} no commands", flush=True)
    tap.ok(totals[0] > 0, "there was something to run")


if __name__ == "__main__":
    server = DocumentedServer()
    sys.exit(tap_protocol.run_to_end(tests, tap_protocol.Tap(), server, sys.argv[1:] or documents()))
