"""What names a query may use: those of docs/metrics.md, which is made from the catalogue of metrics, and
those that the rules record."""

import re

import yaml

OF_SCRAPES = {"job", "instance"}
SERIES = {"counter": [""], "gauge": [""], "info": [""], "histogram": ["_bucket", "_sum", "_count"]}
ROW = re.compile(r"^\| `(pg_hello_\w+)` \| (\w+) \| \w* \| ([^|]*) \|", re.MULTILINE)

# A query's tokens; blanks are left out.
TOKEN = re.compile(
    r"""\s+|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<variable>\$__?\w+|\$\w+)"""
    r"""|(?P<number>(?<![\w:])\d[\w.]*)|(?P<name>[A-Za-z_:][\w:]*)|(?P<sign>=~|!~|!=|[<>=]=|[-+*/%^<>=(){}\[\],:])""")
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "bool", "offset"}
FUNCTIONS = {"absent", "avg_over_time", "count", "deriv", "group", "histogram_quantile", "increase", "label_values",
             "max", "min", "rate", "sum", "time", "topk"}


def metrics(document):
    """Names of series -> names of their labels, scraping's own included."""
    found = {"up": set(OF_SCRAPES)}
    functions, server = document.split("\n## Server\n")
    for part, common in ((functions, {"datname", "schema", "function"}), (server, set())):
        for name, kind, labels in ROW.findall(part):
            for suffix in SERIES[kind]:
                found[name + suffix] = common | OF_SCRAPES | set(re.findall(r"`(\w+)`", labels))
                if suffix == "_bucket":
                    found[name + suffix].add("le")
    if len(found) < 35:
        raise ValueError(f"docs/metrics.md has only {len(found)} series: has its form changed?")
    return found


def recorded(rules):
    """What recording rules add: its labels are those of a function or of an objective, or none but
    scraping's, as the level says."""
    labels = {"instance_function": {"datname", "schema", "function"}, "instance_slo": {"slo"}, "instance": set()}
    found = {}
    for group in yaml.safe_load(rules)["groups"]:
        for rule in group["rules"]:
            found[rule["record"]] = OF_SCRAPES | labels[rule["record"].split(":")[0]]
    return found


def tokens(query):
    position = 0
    while position < len(query):
        match = TOKEN.match(query, position)
        if match is None:
            raise ValueError(f"not PromQL at {query[position:]!r}")
        position = match.end()
        if match.lastgroup:
            yield match.lastgroup, match.group()


def faults(query, known):
    """What `query` uses that is not in `known`: metrics, their labels in matchers, labels in lists."""
    all_labels = set().union(*known.values())
    metric, word, closing = None, None, []
    for kind, text in tokens(query):
        if text in ("{", "("):
            closing.append("matchers" if text == "{" else "list" if word in LISTS else "group")
        elif text in ("}", ")"):
            closing.pop()
        elif kind == "name" and closing[-1:] == ["matchers"]:
            if text not in known.get(metric, set()):
                yield f"{metric} has no label {text}"
        elif kind == "name" and closing[-1:] == ["list"]:
            if text not in all_labels:
                yield f"no metric has a label {text}"
        elif kind == "name" and text not in LISTS | WORDS | FUNCTIONS:
            metric = text
            if text not in known:
                yield f"there is no metric {text}"
        word = text
    if closing:
        yield "brackets that are not closed"
