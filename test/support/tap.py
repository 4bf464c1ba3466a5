"""The Test Anything Protocol, and a test with a server from its start to the look into its log."""

import traceback


class Tap:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def ok(self, passed, name, *details):
        self.number += 1
        print(f"{'ok' if passed else 'not ok'} {self.number} - {name}", flush=True)
        if not passed:
            self.failed += 1
            for line in "\n".join(str(d) for d in details).splitlines():
                print(f"# {line}", flush=True)

    def equal(self, got, expected, name):
        self.ok(got == expected, name, f"     got: {got}", f"expected: {expected}")

    def end(self):
        print(f"1..{self.number}", flush=True)
        return 1 if self.failed or self.number == 0 else 0


def report_log(tap, server):
    tap.equal(server.crash_lines(), [], "no crash in the server's log")
    tap.ok(server.stopped_cleanly(), "the server shut down cleanly", server.log_text()[-2000:])


def run_to_end(tests, tap, server, *arguments, after=lambda tap: None):
    """Starts the server, runs tests(tap, server, *arguments), looks into its log, runs after(tap): the exit status."""
    try:
        with server:
            tests(tap, server, *arguments)
    except Exception:  # what went wrong is a failed test; the log below may say why
        tap.ok(False, "the test ran to its end", traceback.format_exc())
    report_log(tap, server)
    after(tap)
    return tap.end()
