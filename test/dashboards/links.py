#!/usr/bin/env python3
"""Every link leads somewhere: from alerts to runbooks and dashboards, between the documents, between
dashboards.

usage: links.py SOURCE_ROOT
"""

import json
import pathlib
import re
import sys

import yaml

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
SECTIONS = ("## What it means", "## How to look", "## What to do")


def anchors(text):
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def of_documents(root):
    files = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("dashboards/**/*.md")]
    for file in files:
        for link in LINK.findall(file.read_text(encoding="utf-8")):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = file.parent / path if path else file
            if not target.exists():
                yield f"{file.name}: {link} leads nowhere"
            elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                yield f"{file.name}: {target.name} has no heading #{anchor}"


def of_dashboards(root, uids):
    for file in root.glob("dashboards/grafana/*.json"):
        text = file.read_text(encoding="utf-8")
        known = {variable["name"] for variable in json.loads(text)["templating"]["list"]}
        for uid in re.findall(r'"(?:[^"\\]*?)/d/([\w-]+)', text):
            if uid not in uids:
                yield f"{file.name}: there is no dashboard {uid}"
        for name in re.findall(r"\$\{(\w+)[:}]", text):
            if name not in known and not name.startswith("__"):
                yield f"{file.name}: there is no variable {name}"


def of_alerts(root, variables):
    runbooks = set()
    for group in yaml.safe_load((root / "dashboards/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]:
        for alert in group["rules"]:
            name, annotations = alert["alert"], alert["annotations"]
            runbook = root / annotations["runbook_url"]
            runbooks.add(runbook.name)
            text = runbook.read_text(encoding="utf-8") if runbook.exists() else ""
            if runbook.stem != name or not text.startswith(f"# {name}\n"):
                yield f"{name}: {runbook.name} is not its runbook"
            yield from (f"{runbook.name}: no {section}" for section in SECTIONS if section not in text)
            uid = re.match(r"/d/([\w-]+)", annotations["dashboard_url"])[1]
            if uid not in variables:
                yield f"{name}: there is no dashboard {uid}"
                continue
            for variable in re.findall(r"var-(\w+)=", annotations["dashboard_url"]):
                if variable not in variables[uid]:
                    yield f"{name}: dashboard {uid} has no variable {variable}"
    for file in root.glob("docs/runbooks/PgHello*.md"):
        if file.name not in runbooks:
            yield f"{file.name} is no alert's runbook"


def main():
    root = pathlib.Path(sys.argv[1])
    dashboards = [json.loads(file.read_text(encoding="utf-8")) for file in root.glob("dashboards/grafana/*.json")]
    variables = {one["uid"]: {v["name"] for v in one["templating"]["list"]} for one in dashboards}
    wrong = [*of_documents(root), *of_alerts(root, variables), *of_dashboards(root, set(variables))]
    print("\n".join(wrong) or "every link has its target")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
