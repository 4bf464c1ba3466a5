"""What the tests with a Prometheus share: a Prometheus of the test's own, and waits for it; and TAP."""

import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import free_port, test_dir, wait_for  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402, F401


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode("utf-8")


class Prometheus:
    """Debian's Prometheus, scraping one address every second, until the block is left.

    `jobs`: names of the jobs, each with what its configuration has besides the address.
    `command`: the program with its first arguments. `name`: of its files.
    """

    def __init__(self, target, jobs=None, command=("prometheus",), name="prometheus"):
        self.command = [shutil.which(command[0]), *command[1:]]
        self.name = name
        self.config = test_dir() / f"{name}.yml"
        self.log = test_dir() / f"{name}.log"
        self.config.write_text(
            "global:\n"
            "  scrape_interval: 1s\n"
            "  scrape_timeout: 1s\n"
            "scrape_configs:\n"
            + "".join(
                f"  - job_name: {name}\n"
                "    static_configs:\n"
                f"      - targets: ['{target}']\n" + more
                for name, more in (jobs or {"pg_hello": ""}).items()
            ),
            encoding="utf-8",
        )

    def __enter__(self):
        try:
            # Somebody may take the free port before Prometheus does.
            for attempt in range(3):
                self._start(attempt)
                wait_for("Prometheus", lambda: self._answers() or self.process.poll() is not None)
                if self.process.poll() is None:
                    return self
                self._stop()
            raise RuntimeError(f"Prometheus did not start:\n{self.log_text()}")
        except BaseException:
            self._stop()
            raise

    def __exit__(self, *_):
        self._stop()

    def _start(self, attempt):
        self.url = f"http://127.0.0.1:{free_port()}"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.command, f"--config.file={self.config}",
                 f"--storage.tsdb.path={test_dir() / f'{self.name}_data_{attempt}'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _answers(self):
        try:
            return bool(get(self.url + "/-/ready"))
        except OSError:
            return False

    def _stop(self):
        process = getattr(self, "process", None)
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def api(self, path):
        """What an endpoint below /api/v1 answers as its data."""
        text = get(f"{self.url}/api/v1/{path}")
        answer = json.loads(text)
        assert answer["status"] == "success", text
        return answer["data"]

    def query(self, promql):
        """The answer to an instant query: its samples as (labels, value), value a float."""
        data = self.api(f"query?{urllib.parse.urlencode({'query': promql})}")
        assert data["resultType"] == "vector", data
        samples = data["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in samples]

    def value(self, promql):
        """The one value of a query; None if there are none or many."""
        samples = self.query(promql)
        return samples[0][1] if len(samples) == 1 else None

    def by_function(self, promql):
        return {labels["function"]: value for labels, value in self.query(promql)}


def wait_for_scrape(prometheus, server):
    """Waits until Prometheus has the answer to a scrape that began after now."""
    now = float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))

    def scraped():
        newest = prometheus.value('timestamp(up{job="pg_hello"})')
        return newest is not None and newest > now and prometheus.value('up{job="pg_hello"}') == 1

    wait_for("a scrape", scraped)


def promtool(*arguments, text=None):
    done = subprocess.run([shutil.which("promtool"), *arguments], input=text,
                          capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()
