#!/usr/bin/env python3
"""The rules are valid, and each alert fires when it should and is silent when it should, as
promtool finds in rules/ALERT.yaml.

usage: rules.py SOURCE_ROOT
"""

import pathlib
import subprocess
import sys

import yaml

NEEDED = {"summary", "description", "dashboard_url", "runbook_url"}


def promtool(*words):
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def of_alert(alert, tests):
    yield from (f"{alert['alert']} has no {name}" for name in NEEDED - set(alert["annotations"]))
    if alert["labels"].get("severity") not in ("critical", "warning", "info"):
        yield f"{alert['alert']} has no severity"
    file = tests / f"{alert['alert']}.yaml"
    if not file.exists():
        yield f"{alert['alert']} has no test"
        return
    asked = [case for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
             for case in test["alert_rule_test"] if case["alertname"] == alert["alert"]]
    if not any(case["exp_alerts"] for case in asked):
        yield f"{file.name} does not say when it fires"
    if all(case["exp_alerts"] for case in asked):
        yield f"{file.name} does not say when it is silent"
    yield from promtool("test", "rules", str(file))


def main():
    root = pathlib.Path(sys.argv[1])
    rules, tests = root / "dashboards/prometheus", root / "test/dashboards/rules"
    # Without --syntax-only it looks for the examples' certificates.
    wrong = promtool("check", "config", "--syntax-only", str(rules / "prometheus.yml"), str(rules / "fleet.yml"))
    wrong += promtool("check", "rules", "--lint-fatal", str(rules / "recording.yml"), str(rules / "alerts.yml"))
    groups = yaml.safe_load((rules / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = [alert for group in groups for alert in group["rules"]]
    for alert in alerts:
        wrong += of_alert(alert, tests)
    for file in sorted(tests.glob("*.yaml")):
        if file.stem not in {alert["alert"] for alert in alerts}:
            wrong.append(f"{file.name} tests no alert")
    print("\n".join(wrong) or f"{len(alerts)} alerts fire and are silent as their tests say")
    return 1 if wrong or not alerts else 0


if __name__ == "__main__":
    sys.exit(main())
