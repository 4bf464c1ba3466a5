"""Cost of one call, for each kind of function under each configuration, in one backend.

Each round measures everything once, in shuffled order, within a fraction of a second: a machine that
is slow for a while is slow for all of them. plprofiler is loaded by a session of its own, because
its mere presence costs every call of PL/pgSQL something.
"""

import random

from workload import (CALLS, CONFIGURATIONS, Progress, Session, added, ratio, set_configuration,
                      tenth_percentile)

PROFILED = ("PL/pgSQL", "nested PL/pgSQL", "trigger")


def measure(server, rounds):
    session = Session(server)
    profiled = Session(server)
    profiled.run("CREATE EXTENSION IF NOT EXISTS plprofiler; SELECT pl_profiler_set_enabled_local(true);"
                 + set_configuration("none"))
    costs = {name: {} for name in CALLS}
    order = [(name, configuration) for name in CALLS for configuration in CONFIGURATIONS]
    order += [(name, "plprofiler") for name in PROFILED]
    progress = Progress("cost per call, rounds", rounds)
    for turn in range(rounds + 1):  # the first only warms up
        random.shuffle(order)
        for name, configuration in order:
            statement, calls, n = CALLS[name]
            if configuration == "plprofiler":
                cost = profiled.cost_of(statement.format(n=n))
                profiled.run("SELECT pl_profiler_reset_local()")
            else:
                session.run(set_configuration(configuration))
                cost = session.cost_of(statement.format(n=n))
            if turn > 0:
                costs[name].setdefault(configuration, []).append(cost / (n * calls))
        progress.step(max(turn, 1))
    session.close()
    profiled.close()
    return {"rounds": rounds, "unit": "CPU ns per tracked call", "functions": summarize(costs)}


def summarize(costs):
    summary = {}
    for name, by_configuration in costs.items():
        extra = {c: added(by_configuration, c) for c in by_configuration if c != "none"}
        summary[name] = {
            "none": tenth_percentile(by_configuration["none"]),
            "added": extra,
            "ratio": {c: {how: ratio(extra[c][how], extra["track_functions"][how]) for how in ("p10", "median")}
                      for c in extra if c.startswith("pg_hello")},
        }
    return summary


def table(result):
    shown = [*(c for c in CONFIGURATIONS if c != "none"), "plprofiler"]
    yield f"CPU ns per tracked call, {result['rounds']} interleaved rounds: 10th percentile (median)"
    yield ""
    yield "| function | none | " + " | ".join(shown) + " | pg_hello / track_functions |"
    yield "|---|---:|" + "---:|" * len(shown) + "---:|"
    for name, row in result["functions"].items():
        cells = [f"{row['none']:.0f}"]
        for configuration in shown:
            extra = row["added"].get(configuration)
            cells.append("" if extra is None else f"{extra['p10']:+.1f} ({extra['median']:+.1f})")
        ratios = row["ratio"]["pg_hello"]
        cells.append(" ".join(form.format(value) for form, value in
                              (("{:.2f}", ratios["p10"]), ("({:.2f})", ratios["median"])) if value is not None))
        yield f"| {name} | " + " | ".join(cells) + " |"
