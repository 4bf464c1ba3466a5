"""A PostgreSQL server of a test's own: a new cluster in $TESTDIR that loads pg_hello.

    with PrivateServer() as server:
        server.sql("CREATE EXTENSION pg_hello")

The server is reached through a Unix socket in a private directory, so it needs no free port and
nobody else can reach it. Leaving the block stops it, whatever happened inside; `crash_lines()` then
tells whether its log shows a crash.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CRASH = re.compile(
    r"terminated by signal|PANIC:|TRAP:|server process \(PID \d+\) exited with exit code"
)


def test_dir():
    return pathlib.Path(os.environ["TESTDIR"])


def free_port():
    """A loopback port that nobody listens on now. Somebody may before it is used: retry then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=60, pause=0.1):
    """Polls until `condition()` is true and returns its value. TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


def run(*command, **options):
    """Runs a program; its output is returned, and shown if it fails."""
    command = [str(word) for word in command]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}")
    return done.stdout


class PrivateServer:
    PORT = 5432  # names the socket; no TCP port is opened

    def __init__(self, name="server", settings=None):
        self.data = test_dir() / name
        self.log = test_dir() / f"{name}.log"
        self.settings = {
            "shared_preload_libraries": "pg_hello",
            "pg_hello.port": 0,
            "listen_addresses": "",
            "port": self.PORT,
            "fsync": "off",
            "log_line_prefix": "%m [%p] %b ",
            "restart_after_crash": "off",
            **(settings or {}),
        }

    def __enter__(self):
        # A test that runs into its time limit cleans up, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
        # Not below $TESTDIR: a socket's path must be shorter than 108 bytes.
        self.host = tempfile.mkdtemp(prefix="pg_hello_test_")
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _start(self):
        run("initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust", "--no-sync",
            "--no-locale", "--encoding=UTF8")
        settings = {**self.settings, "unix_socket_directories": self.host}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for name, value in settings.items():
                text = str(value).replace("'", "''")
                conf.write(f"{name} = '{text}'\n")
        self.start()

    def start(self):
        """After stop(); the block starts it for the first time."""
        # To a file, not a pipe: the server inherits it and would keep a pipe open.
        with open(test_dir() / "pg_ctl.log", "w", encoding="utf-8") as output:
            started = subprocess.run(
                ["pg_ctl", "start", "--wait", "--timeout=60", "--silent",
                 f"--pgdata={self.data}", f"--log={self.log}"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if started.returncode != 0:
            raise RuntimeError(f"the server did not start:\n{self.log_text()}")

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            subprocess.run(
                ["pg_ctl", "stop", "--wait", "--silent", "--mode=fast", f"--pgdata={self.data}"],
                stdin=subprocess.DEVNULL, check=False)

    def _stop(self):
        self.stop()
        shutil.rmtree(self.host, ignore_errors=True)

    def connection(self):
        """The command-line options with which PostgreSQL's programs find the server."""
        return [f"--host={self.host}", f"--port={self.PORT}", "--username=postgres"]

    def sql(self, text, dbname="postgres"):
        """What psql prints for `text`, unaligned and without headers."""
        return run(
            "psql", *self.connection(), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
            "--set=ON_ERROR_STOP=1", f"--dbname={dbname}", f"--command={text}").rstrip("\n")

    def sql_file(self, path, dbname="postgres"):
        """The same for a file of statements, each its own transaction."""
        return run(
            "psql", *self.connection(), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
            "--set=ON_ERROR_STOP=1", f"--dbname={dbname}", f"--file={path}").rstrip("\n")

    def postmaster_pid(self):
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def processes(self):
        """The server's processes, also those that have lost their postmaster."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(folder / "cwd") == str(self.data):
                    found.append(int(folder.name))
            except OSError:  # it has ended, or is another user's
                continue
        return sorted(found)

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def crash_lines(self):
        """The lines of the server's log that tell of a crash."""
        return [line for line in self.log_text().splitlines() if CRASH.search(line)]

    def stopped_cleanly(self):
        """After the block: whether the server shut down in good order."""
        # It says so when it has removed the file that pg_ctl waits for.
        try:
            return wait_for("the last line of the log", lambda: "database system is shut down" in self.log_text(), 10)
        except TimeoutError:
            return False
