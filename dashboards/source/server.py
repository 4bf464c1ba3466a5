"""What serves the numbers, and what it cannot show: worker, endpoint, table of functions."""

from panels import dashboard, graph, instant, link, query, stat, table, variable

UID = "pg-hello-server"
SERVER = 'job=~"$job",instance=~"$instance"'
BY = "{{instance}}"


def gauge(name, status=None):
    only = f',status="{status}"' if status else ""
    return f"pg_hello_{name}{{{SERVER}{only}}}"


def rate(name):
    return f"rate(pg_hello_{name}{{{SERVER}}}[$__rate_interval])"


def bad_share(window):
    """Of the events of each objective; nothing for those without events."""
    events, bad = (f"rate({gauge(name)}[{window}])" for name in ("slo_events_total", "slo_bad_events_total"))
    return f"({bad} / ({events} > 0))"


def board():
    variables = [
        variable("job", "Job", "pg_hello_build_info", "job", True),
        variable("instance", "Instance", 'pg_hello_build_info{job=~"$job"}', "instance", True),
    ]
    age = "time() - " + gauge("worker_heartbeat_timestamp_seconds")
    oldest = gauge("oldest_active_call_start_timestamp_seconds")
    panels = [
        stat("Scraped", "Whether Prometheus gets an answer.", f"up{{{SERVER}}}", mappings=((1, "up"), (0, "down")),
             steps=[(None, "red"), (1, "green")], legend=BY),
        stat("Recovery", "Primary, or standby in recovery.", gauge("postgres_in_recovery"),
             mappings=((0, "primary"), (1, "in recovery")), legend=BY),
        stat("Listening", "Whether every configured address is bound.", gauge("http_listening"),
             mappings=((1, "yes"), (0, "no")), steps=[(None, "red"), (1, "green")], legend=BY),
        stat("Worker runs", "Since the worker started.", "time() - " + gauge("worker_start_time_seconds"), "s", legend=BY),
        stat("Counted for", "Since the last full reset of the statistics.",
             "time() - " + gauge("stats_reset_timestamp_seconds"), "s", legend=BY),
        stat("Table", "Part of the table of functions that is in use.",
             f"{gauge('tracked_functions')} / {gauge('tracked_functions_limit')}", "percentunit",
             steps=[(None, "green"), (0.8, "orange"), (0.9, "red")], legend=BY),
        graph("Heartbeat", "Age of the worker's last turn, by Prometheus' clock.", [query(age, BY)], "s", minimum=None),
        graph("Longest turn", "Longest time that one turn of the worker's loop has taken since it started.",
              [query(gauge("worker_longest_turn_seconds"), BY)], "s"),
        graph("Restarts", "Starts of the worker since the server started, minus one.",
              [query(gauge("worker_restarts_total"), BY)], "short"),
        graph("Requests", "HTTP requests per second by path and status.",
              [query(f"sum by (instance, path, code) ({rate('http_requests_total')})", BY + " {{path}} {{code}}")], "reqps"),
        graph("Clients", "Open connections, and requests that are being answered, the scrape itself included.",
              [query(gauge("http_connections"), BY + " connections"),
               query(gauge("http_requests_in_flight"), BY + " requests")], "short"),
        graph("Bind failures", "Failed attempts per second to bind an address.",
              [query(rate("http_bind_failures_total"), BY)], "ops"),
        graph("Scrapes", "Expositions per second that were built.", [query(rate("scrapes_total"), BY)], "ops"),
        graph("Scrape duration", "Time to build the last exposition.", [query(gauge("scrape_duration_seconds"), BY)], "s"),
        graph("Series", "Samples in the last exposition.", [query(gauge("scrape_series"), BY)], "short"),
        graph("Functions", "In the table, its capacity, shown by /metrics, left out, and shown with a histogram.",
              [query(gauge(name), f"{BY} {legend}") for name, legend in (
                  ("tracked_functions", "tracked"), ("tracked_functions_limit", "capacity"),
                  ("exported_functions", "shown"), ("suppressed_functions", "left out"),
                  ("exported_histograms", "with histogram"))], "short"),
        graph("Overflow", "Calls per second that are in no function's counters, because the table was full.",
              [query(rate("overflow_calls_total"), BY + " {{datname}}")], "ops"),
        graph("Oldest call", "For how long the longest running tracked call has run, 0 if none runs.",
              [query(f"(time() - {oldest}) * ({oldest} > bool 0)", BY)], "s", minimum=None),
        graph("Irregular", "Per second: repairs of a call stack, calls too deep to be timed, negative durations, errors "
              "kept from queries.",
              [query(rate(name), f"{BY} {legend}") for name, legend in (
                  ("stack_resyncs_total", "stack resyncs"), ("untimed_calls_total", "untimed calls"),
                  ("clock_anomalies_total", "clock anomalies"), ("internal_errors_total", "internal errors"))], "ops"),
        table("Versions", "Of the loaded library and of the server.", [instant(gauge("build_info"))],
              {name: (name, "string") for name in ("instance", "version", "postgres_version")}, hidden=("Value", "job"),
              width=16, height=8),
        stat("Health", "The worst of all checks of /health.",
             f"sum by (instance) ({gauge('health_status', 'warn')} + ignoring (status) 2 * {gauge('health_status', 'fail')})",
             mappings=((0, "pass"), (1, "warn"), (2, "fail")), steps=[(None, "green"), (1, "orange"), (2, "red")], legend=BY),
        stat("Error budget left", "Of each objective (pg_hello.slo), for its calls in the chosen time: 100 % if none failed or "
             "was too slow, below 0 if the objective is missed.",
             f"1 - {bad_share('$__range')} / (1 - {gauge('slo_objective_ratio')})", "percentunit", width=20,
             steps=[(None, "red"), (0, "orange"), (0.5, "green")], legend=BY + " {{slo}}"),
        graph("Burn rate, 5 min", "Of each objective's error budget: 1 uses it up just in its period, 14.4 takes 2 % of 30 days in an hour.",
              [query(f"{bad_share('5m')} / (1 - {gauge('slo_objective_ratio')})", BY + " {{slo}}")], "short"),
        graph("Burn rate, 1 h", "The same over an hour.",
              [query(f"{bad_share('1h')} / (1 - {gauge('slo_objective_ratio')})", BY + " {{slo}}")], "short"),
        graph("Objectives", "Calls per second that count for each objective.", [query(rate("slo_events_total"), BY + " {{slo}}")], "ops"),
        table("Checks", "Of /health, and their status.",
              [instant(f"max by (instance, check, status) ({gauge('health_check_status')}) == 1")],
              {name: (name, "string") for name in ("instance", "check", "status")}, hidden=("Value",), width=16, height=8),
        graph("Shared memory", "Taken by the library.", [query(gauge("shared_memory_bytes"), BY)], "bytes"),
        graph("Probes", "1: the database answered its last probe as it should; 0: it did not; none: it was not asked.",
              [query(gauge("probe_success"), BY + " {{datname}} {{probe}}")], "short"),
        graph("Probe duration", "Time that the last probe of each database took.",
              [query(gauge("probe_duration_seconds"), BY + " {{datname}} {{probe}}")], "s"),
        graph("Probes skipped", "Visits of databases per second that came to nothing, through no fault of theirs.",
              [query(rate("probes_skipped_total"), BY + " {{reason}}")], "ops"),
    ]
    return dashboard(UID, "pg_hello / Server", "The worker, its endpoint and the table of functions", variables,
                     [link("Overview", "pg-hello-overview"), link("Function detail", "pg-hello-function")], panels)
