"""What is looked at while the worker is attacked: a good client's scrapes, and the worker itself."""

import os
import pathlib
import resource
import socket
import time

SCRAPE = (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
          b"Accept: application/openmetrics-text;version=1.0.0\r\n\r\n")


def scrape(port, seconds=10):
    """Scrapes once over a new connection: how long it took, what was wrong, if anything was, and the answer's length."""
    began = time.monotonic()
    answer = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
            client.sendall(SCRAPE)
            while chunk := client.recv(1 << 20):
                answer += chunk
                if time.monotonic() - began > seconds:
                    raise TimeoutError("no end in sight")
    except OSError as error:
        return time.monotonic() - began, f"{type(error).__name__}: {error} after {len(answer)} bytes", 0
    took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 200 "):
        return took, answer[:100].decode("ascii", "replace"), 0
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:"))
    if length != len(body) or not body.endswith(b"# EOF\n"):
        return took, f"{len(body)} of {length} bytes", 0
    return took, "", length


class Worker:
    """A process, as Linux shows it."""

    def __init__(self, pid):
        self.pid = pid
        self.proc = pathlib.Path(f"/proc/{pid}")

    def alive(self):
        return self.proc.exists()

    def descriptors(self):
        return len(os.listdir(self.proc / "fd"))

    def memory_kb(self):
        """Its own memory; shared memory is everybody's."""
        for line in (self.proc / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
        raise RuntimeError("no RssAnon")

    def cpu_seconds(self):
        return self._seconds(11)

    def children(self):
        return (self.proc / "task" / str(self.pid) / "children").read_text(encoding="ascii").split()

    def children_cpu_seconds(self):
        """Of those that have ended."""
        return self._seconds(13)

    def _seconds(self, first):
        """User's and system's time, from these fields of proc(5) on after the command's name."""
        fields = (self.proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")

    def limit_descriptors(self, more):
        """Lets it open so many more. Returns what undoes that."""
        before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        most = max(int(name) for name in os.listdir(self.proc / "fd")) + 1
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (most + more, before[1]))
        return lambda: resource.prlimit(self.pid, resource.RLIMIT_NOFILE, before)


def kernel_memory_kb():
    """What the kernel holds for all TCP connections of this machine."""
    for line in pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
