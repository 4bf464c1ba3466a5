#!/usr/bin/env python3
"""Runs PostgreSQL's pg_regress over the tests of the SQL surface.

usage: run.py [TEST ...]   (all of ./schedule by default)

Called by test/support/run_staged.sh, which stages the server and sets the environment.
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, run, test_dir  # noqa: E402

HERE = pathlib.Path(__file__).parent


def main():
    output = test_dir() / "results_dir"
    output.mkdir()
    tests = sys.argv[1:] or [f"--schedule={HERE / 'schedule'}"]
    with PrivateServer() as server:
        command = [
            os.environ["PG_REGRESS"],
            f"--host={server.host}", f"--port={server.PORT}", "--user=postgres",
            "--dbname=regress_pg_hello", "--load-extension=pg_hello",
            "--encoding=UTF8", "--no-locale",
            f"--inputdir={HERE}", f"--outputdir={output}",
            f"--bindir={run('pg_config', '--bindir').strip()}",
        ]
        done = subprocess.run([*command, *tests], stdin=subprocess.DEVNULL, check=False)
    failed = done.returncode != 0

    diffs = output / "regression.diffs"
    if failed and diffs.exists():
        print(diffs.read_text(encoding="utf-8", errors="replace"))
    crashes = server.crash_lines()
    for line in crashes:
        print(f"server log: {line}")
    if not server.stopped_cleanly():
        print(f"the server did not shut down cleanly; its log ends:\n{server.log_text()[-2000:]}")
    return 1 if failed or crashes or not server.stopped_cleanly() else 0


if __name__ == "__main__":
    sys.exit(main())
