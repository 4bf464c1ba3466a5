"""What Linux tells of a process."""

import os
import pathlib
import resource


class Process:
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
