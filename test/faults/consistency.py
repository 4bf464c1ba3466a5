"""What must hold of every answer of /metrics, whatever has happened to the server."""

import collections
import math
import re
import time

SAMPLE = re.compile(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_0-9]+)="((?:[^"\\]|\\.)*)"')
# No function of the tests can have run for longer, all its calls together.
MOST_SECONDS = 7 * 86400


class Picture:
    """An answer's samples: (name, labels) -> value. ValueError if a line is none."""

    def __init__(self, text):
        self.samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                found = SAMPLE.match(line)
                if found is None:
                    raise ValueError(f"not a sample: {line}")
                name, labels, value = found.groups()
                self.samples[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def of(self, name, **labels):
        """The sum of all samples of that name with these labels."""
        wanted = set(labels.items())
        return sum(value for (its_name, its_labels), value in self.samples.items()
                   if its_name == name and wanted <= its_labels)

    def calls(self, function):
        return self.of("pg_hello_function_calls_total", function=function)

    def errors(self, function):
        return self.of("pg_hello_function_errors_total", function=function)

    def active(self, function):
        return self.of("pg_hello_function_active", function=function)

    def since(self):
        return self.of("pg_hello_stats_reset_timestamp_seconds")


def histogram_faults(picture):
    buckets = collections.defaultdict(list)
    for (name, labels), value in picture.samples.items():
        if name.endswith("_bucket"):
            bound = next(float(text) for label, text in labels if label == "le")
            buckets[name[:-7], frozenset(l for l in labels if l[0] != "le")].append((bound, value))
    for (name, labels), row in buckets.items():
        counts = [count for _, count in sorted(row)]
        if counts != sorted(counts):
            yield f"{name}{sorted(labels)}: buckets that do not grow: {counts}"
        if not math.isinf(max(row)[0]) or counts[-1] != picture.samples.get((name + "_count", labels)):
            yield f"{name}{sorted(labels)}: _count is not the sum of buckets"


def faults_of(text, now=None):
    """What is wrong with an answer, in words."""
    try:
        picture = Picture(text)
    except ValueError as error:
        return [str(error)]
    faults = [f"{name}{sorted(labels)} is {value}" for (name, labels), value in picture.samples.items()
              if not math.isfinite(value) or value < 0]
    faults += [f"{name}{sorted(labels)} is {value} seconds" for (name, labels), value in picture.samples.items()
               if re.search(r"_seconds(_sum|_total)?$", name) and "timestamp" not in name and "start_time" not in name
               and value > MOST_SECONDS]
    faults += histogram_faults(picture)
    if picture.since() <= 0 or picture.since() > (now or time.time()) + 1:
        faults.append(f"counted since {picture.since()}")
    return faults
