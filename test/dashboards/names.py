#!/usr/bin/env python3
"""Every metric and label in rules, runbooks and dashboards exists.

usage: names.py SOURCE_ROOT
"""

import json
import pathlib
import re
import sys

import yaml

from catalogue import faults, metrics, recorded

# The test's own test: what must be found wrong, and how often.
WRONG = {
    "pg_hello_function_call_total": 1,
    'pg_hello_function_calls_total{funtion="f"}': 1,
    'pg_hello_scrapes_total{datname="a"}': 1,
    "sum by (jobb) (rate(pg_hello_scrapes_total[5m]))": 1,
    'sum by (le) (rate(pg_hello_function_duration_seconds_bucket{le="1",job=~"$job"}[$__rate_interval]))': 0,
}


def queries(root):
    rules = root / "dashboards/prometheus"
    for file in (rules / "recording.yml", rules / "alerts.yml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield f"{file.name}: {rule.get('record') or rule['alert']}", rule["expr"]
    for file in sorted(root.glob("docs/runbooks/*.md")):
        for block in re.findall(r"^```promql\n(.*?)^```$", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for query in block.splitlines():
                yield file.name, query
    for file in sorted(root.glob("dashboards/grafana/*.json")):
        dashboard = json.loads(file.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"]
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                # label_values(SELECTOR, LABEL): its last word is a label.
                selector, label = variable["query"]["query"].removeprefix("label_values(")[:-1].rsplit(",", 1)
                yield f"{file.name}: ${variable['name']}", f"sum by ({label}) ({selector})"


def main():
    root = pathlib.Path(sys.argv[1])
    known = metrics((root / "docs/metrics.md").read_text(encoding="utf-8"))
    for query, expected in WRONG.items():
        found = list(faults(query, known))
        assert len(found) == expected, f"{query}: {found}"
    known |= recorded((root / "dashboards/prometheus/recording.yml").read_text(encoding="utf-8"))
    checked, wrong = 0, []
    for where, query in queries(root):
        checked += 1
        wrong += [f"{where}: {fault}" for fault in faults(query, known)]
    print("\n".join(wrong) or f"{checked} queries use only what exists")
    return 1 if wrong or checked < 25 else 0


if __name__ == "__main__":
    sys.exit(main())
