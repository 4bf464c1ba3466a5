"""Cost of one call when 1, 2, 4 and 8 backends call at the same time: one function all of them, or a
thousand functions each. If backends got in each other's way, a call would cost more the more there
are; how much more than without tracking is the answer."""

import random
import statistics

from workload import (FUNCTIONS_ON_A_THOUSAND, Progress, Session, set_configuration, tenth_percentile)

CLIENTS = (1, 2, 4, 8)
COMPARED = ("none", "track_functions", "pg_hello")
HOT_CALLS = 30_000
CALLS_OF_EACH = 40


def statements():
    every = ", ".join(f"count(f_{n}(i))" for n in range(1, FUNCTIONS_ON_A_THOUSAND + 1))
    return {
        "one function": ("SELECT count(f_c(i)) FROM generate_series(1, $1) i", HOT_CALLS, 1),
        "1,000 functions": (f"SELECT {every} FROM generate_series(1, $1) i", CALLS_OF_EACH,
                            FUNCTIONS_ON_A_THOUSAND),
    }


def measure(server, rounds):
    sessions = [Session(server) for _ in range(max(CLIENTS))]
    workloads = statements()
    for session in sessions:
        for number, (statement, _, _) in enumerate(workloads.values()):
            session.run(f"PREPARE w{number}(integer) AS {statement}")
    order = [(number, name, clients, configuration) for number, name in enumerate(workloads)
             for clients in CLIENTS for configuration in COMPARED]
    costs = {}
    progress = Progress("clients, rounds", rounds)
    for turn in range(rounds + 1):
        random.shuffle(order)
        for number, name, clients, configuration in order:
            _, n, calls = workloads[name]
            cost = cost_of(sessions[:clients], set_configuration(configuration), f"EXECUTE w{number}({n})")
            if turn > 0:
                costs.setdefault((name, clients, configuration), []).append(cost / (clients * n * calls))
        progress.step(max(turn, 1))
    for session in sessions:
        session.close()
    return {"rounds": rounds, "unit": "CPU ns per call", "workloads": summarize(costs, workloads)}


def cost_of(sessions, configuration, statement):
    for session in sessions:
        # Twice before it counts: plans and call sites are remade after a change of settings.
        session.run(configuration)
        session.run(statement)
    before = sum(session.cpu_ns() for session in sessions)
    for session in sessions:
        session.start(statement)
    for session in sessions:
        session.wait()
    return sum(session.cpu_ns() for session in sessions) - before


def summarize(costs, workloads):
    return {name: [{"clients": clients,
                    **{c: {"p10": tenth_percentile(costs[name, clients, c]),
                           "median": statistics.median(costs[name, clients, c])} for c in COMPARED}}
                   for clients in CLIENTS] for name in workloads}


def table(result):
    yield (f"CPU ns per call, {result['rounds']} interleaved rounds: 10th percentile (median);"
           " growth is against one client")
    yield ""
    yield "| workload | clients | " + " | ".join(COMPARED) + " | growth of none | growth of what pg_hello adds |"
    yield "|---|---:|" + "---:|" * len(COMPARED) + "---:|---:|"
    for name, rows in result["workloads"].items():
        alone = rows[0]
        for row in rows:
            cells = [f"{row[c]['p10']:.1f} ({row[c]['median']:.1f})" for c in COMPARED]
            growth = row["none"]["p10"] - alone["none"]["p10"]
            adds, added_alone = (r["pg_hello"]["p10"] - r["none"]["p10"] for r in (row, alone))
            yield (f"| {name} | {row['clients']} | " + " | ".join(cells)
                   + f" | {growth:+.1f} | {adds - added_alone:+.1f} |")
