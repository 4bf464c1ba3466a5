"""kill -9: the worker while it answers, a backend inside a function, the postmaster."""

import contextlib
import os
import signal
import socket
import time

from private_server import wait_for

CYCLES = int(os.environ.get("PG_HELLO_FAULT_CYCLES", "200"))


def kill_worker(server, _):
    """As soon as it was asked for metrics."""
    victim = wait_for("the worker", server.worker, pause=0.02)
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            os.kill(victim, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)


def kill_backend(server, random):
    victims = wait_for("a call", lambda: server.active_pids("naps()"), pause=0.01)
    with contextlib.suppress(ProcessLookupError):
        os.kill(random.choice(victims), signal.SIGKILL)


def kill_postmaster(server, _):
    postmaster = server.postmaster()
    os.kill(postmaster, signal.SIGKILL)
    # Whoever inherits it has to have buried it, or the next one takes it for alive.
    wait_for("the end of all its processes",
             lambda: not server.processes() and not os.path.exists(f"/proc/{postmaster}"), pause=0.02)
    server.start()


KINDS = {"worker": (kill_worker, 7), "backend": (kill_backend, 7), "postmaster": (kill_postmaster, 6)}


def killed(faults):
    tap, server, random = faults.tap, faults.server, faults.random
    done, wrong_since, wrong_calls, longest = dict.fromkeys(KINDS, 0), [], [], 0
    kinds = [name for name, (_, share) in KINDS.items() for _ in range(share)]
    for number in range(CYCLES):
        name = kinds[number % len(kinds)] if CYCLES >= len(kinds) else random.choice(kinds)
        time.sleep(random.random() * 0.2)
        began = time.time()
        server.note_memory()
        KINDS[name][0](server, random)
        picture = wait_for("the server to count anew",
                           lambda: (lambda now: now if now.since() > began else None)(server.picture()), pause=0.02)
        longest = max(longest, time.time() - began)
        if not began < picture.since() < time.time():
            wrong_since.append((number, name, picture.since()))
        calls = 1 + number % 5
        got = server.tells_truth(calls)
        if got != calls:
            wrong_calls.append((number, name, calls, got))
        done[name] += 1
    print(f"# {sum(done.values())} cycles of crash and restart under load: "
          f"{', '.join(f'{count} of {name}' for name, count in done.items())}; "
          f"the longest without numbers {longest:.1f} s", flush=True)
    tap.equal(sum(done.values()), CYCLES, f"{CYCLES} crashes and restarts")
    tap.equal(wrong_since, [], "after each, numbers are counted from then on")
    tap.equal(wrong_calls, [], "after each, counts are the truth")
    faults.looks_well("after kill -9")


FAULTS = {"crashes": killed}
