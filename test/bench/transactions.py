"""Cost of whole transactions: CPU time in one backend, interleaved, and pgbench's throughput.

Throughput on a shared machine differs from itself by more than tracking takes; "none (again)" says
by how much. The CPU time per transaction is the better answer, instructions.py the best."""

import os
import random
import re
import statistics

from private_server import run, test_dir
from workload import CONFIGURATIONS, Progress, Session, added, set_configuration, tenth_percentile

COMPARED = ("none", "none (again)", "track_functions", "pg_hello")
SCALE = 10
# name -> (statement to prepare, an execution of it, executions in one measurement)
STATEMENTS = {
    "short (3 calls)": ("PREPARE short(integer) AS SELECT quote($1)", "EXECUTE short(5)", 150),
    "TPC-B in a function": (
        "PREPARE tpcb(integer, integer, integer, integer) AS SELECT tpcb($1, $2, $3, $4)",
        "EXECUTE tpcb(17, 1, 3, 1)", 60),
}


def measure(server, rounds, pgbench_rounds, seconds):
    run("pgbench", *server.connection(), "--initialize", "--quiet", f"--scale={SCALE}", "postgres")
    return {"cpu": measure_cpu(server, rounds), "tps": measure_tps(server, pgbench_rounds, seconds)}


def measure_cpu(server, rounds):
    session = Session(server)
    for prepare, _, _ in STATEMENTS.values():
        session.run(prepare)
    costs = {name: {c: [] for c in COMPARED} for name in STATEMENTS}
    order = [(name, configuration) for name in STATEMENTS for configuration in COMPARED]
    progress = Progress("transactions, rounds", rounds)
    for turn in range(rounds + 1):
        random.shuffle(order)
        for name, configuration in order:
            _, execute, n = STATEMENTS[name]
            session.run(set_configuration(configuration))
            session.run(execute)
            cost = session.cost_of(";\n".join([execute] * n)) / n
            if turn > 0:
                costs[name][configuration].append(cost)
        progress.step(max(turn, 1))
    session.close()
    return {"rounds": rounds, "unit": "CPU ns per transaction",
            "transactions": {name: {"none": tenth_percentile(by["none"]),
                                    "added": {c: added(by, c) for c in COMPARED if c != "none"}}
                             for name, by in costs.items()}}


def measure_tps(server, rounds, seconds):
    script = test_dir() / "tpcb.sql"
    script.write_text(f"""\\set aid random(1, {100_000 * SCALE})
\\set bid random(1, {SCALE})
\\set tid random(1, {10 * SCALE})
\\set delta random(-5000, 5000)
SELECT tpcb(:aid, :bid, :tid, :delta);
""", encoding="utf-8")
    tps = {configuration: [] for configuration in COMPARED}
    progress = Progress("pgbench, rounds", rounds)
    for turn in range(rounds):
        for configuration in random.sample(COMPARED, len(COMPARED)):
            track_functions, track, _ = CONFIGURATIONS[configuration]
            options = f"-c track_functions={track_functions} -c pg_hello.track={track}"
            output = run("pgbench", *server.connection(), "--no-vacuum", "--protocol=prepared", "--client=4",
                         f"--time={seconds}", f"--file={script}", "postgres",
                         env={**os.environ, "PGOPTIONS": options})
            tps[configuration].append(float(re.search(r"tps = ([0-9.]+)", output).group(1)))
        progress.step(turn + 1)
    return {"rounds": rounds, "seconds": seconds, "clients": 4,
            "median": {c: statistics.median(v) for c, v in tps.items()},
            "over_none": {c: statistics.median(value / none for value, none in zip(v, tps["none"]))
                          for c, v in tps.items() if c != "none"}}


def table(result):
    cpu, tps = result["cpu"], result["tps"]
    shown = [c for c in COMPARED if c != "none"]
    yield f"CPU us per transaction, {cpu['rounds']} interleaved rounds: 10th percentile (median)"
    yield ""
    yield "| transaction | none | " + " | ".join(shown) + " |"
    yield "|---|---:|" + "---:|" * len(shown)
    for name, row in cpu["transactions"].items():
        cells = [f"{row['added'][c]['p10'] / row['none']:+.1%} ({row['added'][c]['median'] / row['none']:+.1%})"
                 for c in shown]
        yield f"| {name} | {row['none'] / 1000:.1f} | " + " | ".join(cells) + " |"
    yield ""
    yield (f"pgbench, TPC-B in a function, {tps['clients']} clients, {tps['rounds']} rounds of {tps['seconds']} s:"
           " median of TPS, and of its ratio to none in the same round")
    yield ""
    yield "| " + " | ".join(COMPARED) + " |"
    yield "|" + "---:|" * len(COMPARED)
    yield "| " + " | ".join([f"{tps['median']['none']:.0f}"]
                            + [f"{tps['median'][c]:.0f} ({tps['over_none'][c]:.3f})" for c in shown]) + " |"
