"""One function of one database of one server."""

from panels import choice, dashboard, graph, heatmap, instant, link, query, stat, table, variable

UID = "pg-hello-function"
LABELS = ("job", "instance", "datname", "schema", "function")
FUNCTION = ",".join(f'{label}="${label}"' for label in LABELS)


def rate(metric, offset=""):
    return f"rate(pg_hello_function_{metric}{{{FUNCTION}}}[$__rate_interval]{offset})"


def quantile(q, offset=""):
    return f"histogram_quantile({q}, sum by (le) ({rate('duration_seconds_bucket', offset)}))"


def both(make, name):
    """Now, and as long ago as $compare says."""
    return [query(make(""), name), query(make(" offset $compare"), name + " $compare ago")]


def variables():
    made, chosen = [], []
    for label, title in zip(LABELS, ("Job", "Instance", "Database", "Schema", "Function")):
        made.append(variable(label, title, f"pg_hello_function_calls_total{{{','.join(chosen)}}}", label, False))
        chosen.append(f'{label}="${label}"')
    return [*made, choice("compare", "Compare with", "How long ago the second lines are from", ["1w", "1d", "1h"])]


def board():
    panels = [
        stat("Calls", "Finished calls per second.", rate("calls_total"), "ops", 6),
        stat("Failed", "Part of its calls that ended in an error.",
             f"{rate('errors_total')} / ({rate('calls_total')} > 0)", "percentunit", 6,
             steps=[(None, "green"), (0.001, "orange"), (0.01, "red")]),
        stat("p95", "95 of 100 calls were faster.", quantile(0.95), "s", 6),
        stat("In flight", "Calls that run now.", f"pg_hello_function_active{{{FUNCTION}}}", width=6),
        graph("Rate", "Calls per second, now and then.", both(lambda ago: rate("calls_total", ago), "calls"), "ops"),
        graph("Errors", "Calls per second that ended in an error, passed on from callees or its own; and of these,"
              " those that were canceled.",
              [query(rate("errors_total"), "errors"), query(rate("canceled_total"), "canceled")], "ops"),
        graph("Error origins", "Errors per second that began in this function, by class of SQLSTATE.",
              [query(rate("error_origins_total"), "{{sqlstate_class}}")], "ops"),
        heatmap("Durations", "How many calls per second took how long.",
                f"sum by (le) ({rate('duration_seconds_bucket')})"),
        graph("Quantiles", "Half of the calls, 95 and 99 of 100 were faster, now; and p95 then.",
              [query(quantile(0.5), "p50"), *both(lambda ago: quantile(0.95, ago), "p95"),
               query(quantile(0.99), "p99")], "s", 12),
        graph("Mean", "Mean duration of a call, now and then.",
              both(lambda ago: f"{rate('duration_seconds_sum', ago)} / ({rate('duration_seconds_count', ago)} > 0)",
                   "mean"), "s"),
        graph("Time", "Seconds per second with callees (inclusive) and without tracked ones (self).",
              [query(rate("inclusive_seconds_total"), "inclusive"), query(rate("self_seconds_total"), "self")], "s"),
        graph("Iterations", "Entries per second: of a set-returning function, many to a call.",
              [query(rate("iterations_total"), "iterations"), query(rate("calls_total"), "calls")], "ops"),
        table("Identity", "What the function is.", [instant(f"pg_hello_function_info{{{FUNCTION}}}")],
              {name: (name, "string") for name in ("funcid", "language", "kind", "extension")},
              hidden=("Value", *LABELS), height=4),
    ]
    return dashboard(UID, "pg_hello / Function detail", "One function of one database", variables(),
                     [link("Overview", "pg-hello-overview"), link("Server", "pg-hello-server")], panels)
