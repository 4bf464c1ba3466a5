"""All functions at a glance: rate, errors, duration; inclusive against self time; calls in flight."""

from panels import dashboard, graph, heatmap, instant, link, query, stat, table, variable

UID = "pg-hello-overview"
ONE = "{{datname}} {{schema}}.{{function}}"
SERVER = 'job=~"$job",instance=~"$instance"'
FUNCTIONS = SERVER + ',datname=~"$datname",function=~"$function"'
IDENTITY = "job, instance, datname, schema, function"
DETAIL = ("/d/pg-hello-function?${__url_time_range}&${datasource:queryparam}"
          + "".join(f"&var-{name}=${{__data.fields.{name}:percentencode}}"
                    for name in ("job", "instance", "datname", "schema", "function")))


def rate(metric):
    return f"rate(pg_hello_function_{metric}{{{FUNCTIONS}}}[$__rate_interval])"


def top(expr):
    return query(f"topk(10, sum by (datname, schema, function) ({expr}) > 0)", ONE)


def ratio(by):
    return f"sum{by} ({rate('errors_total')}) / (sum{by} ({rate('calls_total')}) > 0)"


def quantile(q, by="le"):
    return f"histogram_quantile({q}, sum by ({by}) ({rate('duration_seconds_bucket')}))"


def board():
    source = "pg_hello_function_calls_total{" + SERVER + '}'
    variables = [
        variable("job", "Job", "pg_hello_build_info", "job", True),
        variable("instance", "Instance", 'pg_hello_build_info{job=~"$job"}', "instance", True),
        variable("datname", "Database", source, "datname", True),
        variable("function", "Function", source.replace("}", ',datname=~"$datname"}'), "function", True),
    ]
    panels = [
        stat("Calls", "Finished calls per second of the chosen functions.", f"sum({rate('calls_total')})", "ops"),
        stat("Failed", "Part of the calls that ended in an error, in each function that it passed through.",
             ratio(""), "percentunit", steps=[(None, "green"), (0.001, "orange"), (0.01, "red")]),
        stat("p95", "95 of 100 calls were faster. Functions with a histogram only.", quantile(0.95), "s"),
        stat("In flight", "Calls that run now, callers of others included.",
             f"sum(pg_hello_function_active{{{FUNCTIONS}}})"),
        stat("Busy", "Seconds of self time per second: how many backends run these functions on average.",
             f"sum({rate('self_seconds_total')})"),
        stat("Functions", "Functions that these servers show.",
             f"count(pg_hello_function_calls_total{{{FUNCTIONS}}})"),
        graph("Rate", "Calls per second of the ten most called functions.", [top(rate("calls_total"))], "ops"),
        graph("Errors", "Errors per second of the ten functions that fail most.", [top(rate("errors_total"))], "ops"),
        graph("Error ratio", "Part of their calls that failed, of the ten functions with the highest.",
              [query(f"topk(10, {ratio(' by (datname, schema, function)')} > 0)", ONE)], "percentunit"),
        heatmap("Durations", "How many calls per second took how long, all chosen functions with a histogram together.",
                f"sum by (le) ({rate('duration_seconds_bucket')})"),
        graph("Quantiles", "Half of the calls, 95 and 99 of 100 were faster; interpolated in the histogram's buckets.",
              [query(quantile(q), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "s", 12),
        graph("Inclusive time", "Seconds per second in the function and its callees: on whose behalf time is spent.",
              [top(rate("inclusive_seconds_total"))], "s"),
        graph("Self time", "Seconds per second in the function without tracked callees: where time is spent. All"
              " functions' self times add up.", [top(rate("self_seconds_total"))], "s"),
        graph("In flight", "Calls that run at the time of the scrape.",
              [top(f"pg_hello_function_active{{{FUNCTIONS}}}")], "short"),
        table("Functions", "The last minutes' rates. A function's name leads to its own dashboard.",
              [instant(f"sum by ({IDENTITY}) ({rate('calls_total')})"),
               instant(ratio(f" by ({IDENTITY})")),
               instant(f"sum by ({IDENTITY}) ({rate('inclusive_seconds_total')})"),
               instant(f"sum by ({IDENTITY}) ({rate('self_seconds_total')})"),
               instant(quantile(0.95, "le, " + IDENTITY))],
              {"function": ("function", "string"), "schema": ("schema", "string"), "datname": ("datname", "string"),
               "instance": ("instance", "string"), "Value #A": ("calls/s", "ops"), "Value #B": ("failed", "percentunit"),
               "Value #C": ("inclusive s/s", "s"), "Value #D": ("self s/s", "s"), "Value #E": ("p95", "s")},
              links={"function": [{"title": "Function detail", "url": DETAIL}]}, sort="inclusive s/s"),
    ]
    return dashboard(UID, "pg_hello / Overview", "Rate, errors and duration of PostgreSQL's functions", variables,
                     [link("Function detail", "pg-hello-function"), link("Server", "pg-hello-server")], panels)
