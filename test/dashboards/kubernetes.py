#!/usr/bin/env python3
"""The samples for Kubernetes are objects of the Prometheus operator, and their rules are ours.

usage: kubernetes.py SOURCE_ROOT
"""

import pathlib
import sys

import yaml


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def main():
    dashboards = pathlib.Path(sys.argv[1]) / "dashboards"
    kinds = {}
    for file in sorted(dashboards.glob("kubernetes/*.yaml")):
        found = load(file)
        assert found["apiVersion"] == "monitoring.coreos.com/v1" and found["metadata"]["name"], file
        kinds[file.stem] = found["kind"]
    assert kinds == {"pod-monitor": "PodMonitor", "prometheus-rule-recording": "PrometheusRule",
                     "prometheus-rule-alerts": "PrometheusRule"}, kinds
    for name in ("recording", "alerts"):
        spec = load(dashboards / f"kubernetes/prometheus-rule-{name}.yaml")["spec"]
        assert spec == load(dashboards / f"prometheus/{name}.yml"), name
    endpoint, = load(dashboards / "kubernetes/pod-monitor.yaml")["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] and endpoint["path"] == "/metrics"
    # What PgHelloDown looks for.
    assert {"targetLabel": "job", "replacement": "pg_hello"} in endpoint["relabelings"]
    return 0


if __name__ == "__main__":
    sys.exit(main())
