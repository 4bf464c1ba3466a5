"""The parts of Grafana's dashboards (classic model, schemaVersion 42), as far as ours need them."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # of Grafana's grid


def query(expr, legend="", **more):
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend,
            "range": True, **more}


def instant(expr, **more):
    return query(expr, format="table", instant=True, **{"range": False, **more})


def panel(kind, title, description, targets, unit="short", width=8, height=8, options=None, custom=None, **more):
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": [{"refId": chr(ord("A") + i), **target} for i, target in enumerate(targets)],
        "fieldConfig": {"defaults": {"unit": unit, "custom": custom or {}}, "overrides": []},
        "options": options or {},
        "gridPos": {"w": width, "h": height},
        **more,
    }


def graph(title, description, targets, unit, width=8, minimum=0, **more):
    made = panel("timeseries", title, description, targets, unit, width,
                 options={"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True,
                                     "calcs": ["mean", "max"]},
                          "tooltip": {"mode": "multi", "sort": "desc"}},
                 custom={"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}, **more)
    if minimum is not None:
        made["fieldConfig"]["defaults"]["min"] = minimum
    return made


def stat(title, description, expr, unit="short", width=4, mappings=(), steps=(), legend=""):
    made = panel("stat", title, description, [query(expr, legend, instant=True, range=False)], unit, width, 4,
                 options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                          "colorMode": "value", "graphMode": "none", "textMode": "auto"})
    made["fieldConfig"]["defaults"]["mappings"] = [
        {"type": "value", "options": {str(value): {"text": text}}} for value, text in mappings]
    made["fieldConfig"]["defaults"]["thresholds"] = {
        "mode": "absolute",
        "steps": [{"color": color, "value": value} for value, color in (steps or [(None, "text")])]}
    return made


def heatmap(title, description, buckets, width=12):
    """`buckets`: the expression of a classic histogram's buckets, summed by le."""
    return panel("heatmap", title, description, [query(buckets, "{{le}}", format="heatmap")], "s", width,
                 options={"calculate": False, "yAxis": {"unit": "s"}, "cellGap": 1,
                          "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
                          "tooltip": {"mode": "single", "yHistogram": True}, "legend": {"show": True}})


def table(title, description, targets, columns, hidden=(), links=None, sort=None, width=WIDTH, height=10):
    """`columns`: field -> (title, unit), in order. `sort`: title of the one whose greatest comes first. `links`: field -> links of its cells."""
    overrides = []
    for field, (name, unit) in columns.items():
        properties = [{"id": "displayName", "value": name}, {"id": "unit", "value": unit}]
        if links and field in links:
            properties.append({"id": "links", "value": links[field]})
        overrides.append({"matcher": {"id": "byName", "options": field}, "properties": properties})
    made = panel("table", title, description, targets, width=width, height=height,
                 options={"showHeader": True, **({"sortBy": [{"displayName": sort, "desc": True}]} if sort else {})},
                 transformations=[
                     {"id": "merge", "options": {}},
                     {"id": "organize", "options": {
                         "excludeByName": {name: True for name in ("Time", "__name__", *hidden)},
                         "indexByName": {field: i for i, field in enumerate(columns)}}}])
    made["fieldConfig"]["overrides"] = overrides
    return made


def variable(name, label, source, values, many):
    """A variable whose values are those of the label `values` of the series `source`."""
    everything = {"allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}} if many else {}
    return {"type": "query", "name": name, "label": label, "datasource": DATASOURCE,
            "query": {"query": f"label_values({source}, {values})", "refId": name}, "refresh": 2, "sort": 1,
            "multi": many, "includeAll": many, **everything}


def choice(name, label, description, values):
    return {"type": "custom", "name": name, "label": label, "description": description, "query": ",".join(values),
            "options": [{"text": value, "value": value, "selected": value == values[0]} for value in values],
            "current": {"text": values[0], "value": values[0]}}


def link(title, uid):
    return {"type": "link", "title": title, "url": f"/d/{uid}", "icon": "dashboard", "includeVars": True,
            "keepTime": True, "targetBlank": False, "asDropdown": False, "tags": [], "tooltip": ""}


def rows(panels):
    """Puts panels beside each other until a row is full, and numbers them."""
    x = y = height = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        one.update(id=number, gridPos={**place, "x": x, "y": y})
        x, height = x + place["w"], max(height, place["h"])
    return panels


def dashboard(uid, title, description, variables, links, panels):
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
              "refresh": 1, "multi": False, "includeAll": False}
    return {"uid": uid, "title": title, "description": description, "tags": ["pg_hello", "postgresql"],
            "schemaVersion": 42, "version": 1, "editable": False, "graphTooltip": 1, "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"}, "timezone": "browser", "annotations": {"list": []},
            "templating": {"list": [source, *variables]}, "links": links, "panels": rows(panels)}
