#!/usr/bin/env python3
"""Draws Grafana's dashboards without Grafana: every panel where its dashboard puts it, with what a real
Prometheus answers to its queries after some minutes of load. A PNG for each dashboard, to be looked at.

usage: draw_dashboards.py [--minutes N]     in a stage, as scripts/draw-dashboards makes it
"""

import argparse
import json
import math
import os
import pathlib
import re
import sys
import textwrap
import threading
import time
import urllib.parse

import matplotlib
matplotlib.use("Agg")
from matplotlib import dates, pyplot, ticker  # noqa: E402

STAGE = pathlib.Path(os.environ["PG_HELLO_STAGE"])
from dashboards import DATABASE, SETUP, substituted, values_for  # noqa: E402
from harness import Prometheus, test_dir, wait_for  # noqa: E402
from private_server import PrivateServer  # noqa: E402

STEP = 5  # seconds between points
WINDOW = "20s"  # of rates
WORK = """
    CREATE FUNCTION report(seconds double precision) RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(seconds); END $$;
    CREATE FUNCTION price(n integer) RETURNS numeric LANGUAGE plpgsql AS $$
    DECLARE sum numeric := 0;
    BEGIN
        FOR i IN 1 .. n LOOP sum := sum + i; END LOOP;
        RETURN sum;
    END $$;
"""


class Load(threading.Thread):
    """Calls that rise and fall, some errors, and a report that runs for seconds."""

    def __init__(self, server):
        super().__init__()
        self.server, self.over = server, threading.Event()

    def run(self):
        turn = 0
        while not self.over.is_set():
            turn += 1
            calls = int(60 + 50 * math.sin(turn / 15))
            failing = 10 if turn % 40 < 8 else 0
            self.server.sql(f"SELECT sum(try(i)), count(pg_hello('World')), sum(price(1 + 20 * (i % 50)))"
                            f" FROM generate_series(-{failing}, {calls}) i", DATABASE)
            if turn % 30 == 0:
                self.server.sql("SELECT report(3)", DATABASE)
            self.over.wait(0.3)


def scaled(value, factor, units):
    for unit in units:
        if abs(value) < factor:
            break
        value /= factor
    return f"{value:.3g} {unit}".strip()


def shown(value, unit):
    if value is None or math.isnan(value):
        return "-"
    if unit == "s":
        if abs(value) >= 60 or value == 0:
            return f"{value:.0f} s"
        return scaled(value * 1e9, 1000, ("ns", "µs", "ms", "s"))
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return scaled(value, 1024, ("B", "KiB", "MiB", "GiB"))
    return scaled(value, 1000, ("", "K", "M", "G")) + {"ops": "/s", "reqps": " req/s"}.get(unit, "")


def legend(query, labels):
    text = query["legendFormat"]
    if not text:
        return ", ".join(f"{key}={value}" for key, value in labels.items() if key not in ("job", "instance"))
    return re.sub(r"{{\s*(\w+)\s*}}", lambda match: labels.get(match[1], ""), text)


class Painter:
    def __init__(self, prometheus, values, span):
        self.prometheus, self.values = prometheus, values
        self.begin, self.end = span

    def instant(self, query):
        return self.prometheus.query(substituted(query["expr"], self.values))

    def series(self, query):
        asked = urllib.parse.urlencode({"query": substituted(query["expr"], self.values), "start": self.begin,
                                        "end": self.end, "step": STEP})
        return [(one["metric"], [(float(at), float(value)) for at, value in one["values"]])
                for one in self.prometheus.api(f"query_range?{asked}")["result"]]

    def timeseries(self, axes, panel):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for query in panel["targets"]:
            for labels, points in self.series(query):
                axes.plot([at / 86400 for at, _ in points],
                          [value for _, value in points], linewidth=1, label=textwrap.shorten(legend(query, labels), 50))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: shown(value, unit)))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
        axes.set_xlim(self.begin / 86400, self.end / 86400)
        if "min" in panel["fieldConfig"]["defaults"]:
            axes.set_ylim(bottom=panel["fieldConfig"]["defaults"]["min"])
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=5, loc="upper left", framealpha=0.6, ncol=2)

    def heatmap(self, axes, panel):
        query, = panel["targets"]
        rows = sorted(((float(labels["le"]), dict(points)) for labels, points in self.series(query)),
                      key=lambda row: row[0])
        moments = sorted({at for _, points in rows for at in points})
        below, cells = dict.fromkeys(moments, 0.0), []
        for _, points in rows:
            cells.append([points.get(at, 0) - below[at] for at in moments])
            below = {at: points.get(at, 0) for at in moments}
        axes.imshow(cells, aspect="auto", origin="lower", cmap="Oranges", interpolation="nearest")
        axes.set_yticks(range(0, len(rows), 4), ["+Inf" if math.isinf(bound) else shown(bound, "s")
                                                 for bound, _ in rows[::4]])
        axes.set_xticks([])

    def stat(self, axes, panel):
        axes.axis("off")
        query, = panel["targets"]
        defaults = panel["fieldConfig"]["defaults"]
        texts = {value: made["text"] for mapping in defaults.get("mappings", [])
                 for value, made in mapping["options"].items()}
        samples = self.instant(query)
        for i, (labels, value) in enumerate(samples):
            color = "black"
            for step in defaults["thresholds"]["steps"]:
                if step["value"] is None or value >= step["value"]:
                    color = {"text": "black"}.get(step["color"], step["color"])
            place = (i + 0.5) / len(samples)
            axes.text(place, 0.45, texts.get(f"{value:g}", shown(value, defaults["unit"])), fontsize=15, color=color,
                      ha="center", va="center")
            if query["legendFormat"]:
                axes.text(place, 0.05, legend(query, labels), fontsize=6, ha="center")
        if not samples:
            axes.text(0.5, 0.45, "No data", ha="center", va="center")

    def table(self, axes, panel):
        """Merged by their labels, as the transformation does it."""
        axes.axis("off")
        columns, units = {}, {}
        for override in panel["fieldConfig"]["overrides"]:
            properties = {one["id"]: one["value"] for one in override["properties"]}
            columns[override["matcher"]["options"]] = properties["displayName"]
            units[override["matcher"]["options"]] = properties["unit"]
        merged, order = {}, {}
        sort_by, = panel["options"].get("sortBy", [{}])
        for query in panel["targets"]:
            name = "Value" if len(panel["targets"]) == 1 else f"Value #{query['refId']}"
            for labels, value in self.instant(query):
                labels.pop("__name__", None)
                key = tuple(sorted(labels.items()))
                row = merged.setdefault(key, dict(labels))
                if sort_by and columns.get(name) == sort_by["displayName"]:
                    order[key] = -value
                row[name] = shown(value, units.get(name, "short"))
        cells = [["\n".join(textwrap.wrap(row.get(column, ""), 34)) for column in columns]
                 for _, row in sorted(merged.items(), key=lambda item: order.get(item[0], 0))]
        if cells:
            made = axes.table(cells[:int(panel["gridPos"]["h"])], colLabels=list(columns.values()), loc="upper left", cellLoc="left")
            made.auto_set_font_size(False)
            made.set_fontsize(6)
            made.auto_set_column_width(range(len(columns)))
        else:
            axes.text(0.5, 0.5, "No data", ha="center", va="center")

    def draw(self, board, file):
        bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
        figure = pyplot.figure(figsize=(16, bottom * 0.36), dpi=90)
        for panel in board["panels"]:
            place = panel["gridPos"]
            left, up = place["x"] / 24, 1 - (place["y"] + place["h"]) / bottom
            width, height = place["w"] / 24, place["h"] / bottom
            figure.patches.append(pyplot.Rectangle(
                (left + 0.002, up + 0.04 / bottom), width - 0.004, height - 0.08 / bottom, fill=False,
                edgecolor="silver", transform=figure.transFigure))
            axes = figure.add_axes([left + 0.04 * (place["w"] > 6), up + 0.8 / bottom,
                                    width - 0.05 * (place["w"] > 6), height - 2.0 / bottom])
            axes.tick_params(labelsize=6)
            figure.text(left + 0.006, up + height - 0.5 / bottom, panel["title"], fontsize=8)
            getattr(self, panel["type"])(axes, panel)
        figure.savefig(file)
        pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    options = parser.parse_args()
    settings = {"pg_hello.probe_interval": "5s"}
    with PrivateServer(settings=settings) as server:
        server.sql(f"CREATE DATABASE {DATABASE}")
        server.sql(SETUP + WORK, DATABASE)
        port = wait_for("the HTTP port", lambda: server.sql("SELECT port FROM pg_hello_info() WHERE listening", DATABASE))
        target = f"127.0.0.1:{port}"
        with Prometheus(target) as prometheus:
            load = Load(server)
            load.start()
            begin = time.time()
            try:
                while (left := begin + options.minutes * 60 - time.time()) > 0:
                    print(f"{left:4.0f} s of load left", file=sys.stderr, flush=True)
                    time.sleep(min(left, 20))
                for file in sorted((STAGE / "dashboards/grafana").glob("*.json")):
                    board = json.loads(file.read_text(encoding="utf-8"))
                    values = values_for(board, target)
                    values.update(__rate_interval=WINDOW, __range=f"{options.minutes * 60:.0f}s")
                    Painter(prometheus, values, (begin, time.time())).draw(board, test_dir() / f"{file.stem}.png")
            finally:
                load.over.set()
                load.join()


if __name__ == "__main__":
    main()
