"""What the clients did: calls and errors of each function, counted by those who made them."""

import threading


def nothing():
    return {"calls": 0, "errors": 0, "canceled": 0, "origins": {}}


class Truth:
    def __init__(self):
        self.lock = threading.Lock()
        self.functions = {}

    def add(self, function, calls=1, errors=0, canceled=0, origins=None):
        with self.lock:
            row = self.functions.setdefault(function, nothing())
            row["calls"] += calls
            row["errors"] += errors
            row["canceled"] += canceled
            for sqlstate_class, number in (origins or {}).items():
                row["origins"][sqlstate_class] = row["origins"].get(sqlstate_class, 0) + number

    def forget(self, function):
        with self.lock:
            self.functions[function] = nothing()

    def copy(self):
        with self.lock:
            return {name: {**row, "origins": dict(row["origins"])} for name, row in self.functions.items()}


def differences(truth, counted):
    """One sentence for each function of which the two differ."""
    return [f"{name}: the clients made {truth.get(name)}, counted are {counted.get(name)}"
            for name in sorted({*truth, *counted}) if truth.get(name) != counted.get(name)]
