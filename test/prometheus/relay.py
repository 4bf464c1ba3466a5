"""Between a Prometheus and the server: passes each scrape on as it is, and keeps the last one."""

import gzip
import http.server
import threading
import urllib.request

from exposition import read


class Relay:
    """Listens on a loopback port, `target` in a Prometheus' configuration, until the block is left."""

    def __init__(self, server_target):
        relay = self
        self.asked = self.answered = self.body = None  # of the last scrape

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked = dict(self.headers)
                url = f"http://{server_target}{self.path}"
                with urllib.request.urlopen(urllib.request.Request(url, headers=asked)) as answer:
                    answered, body = dict(answer.headers), answer.read()
                self.send_response(answer.status)
                for name, value in answered.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                relay.asked, relay.answered, relay.body = asked, answered, body

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def exposition(self):
        """The last answer, as test/support/exposition.py reads it."""
        plain = self.answered.get("Content-Encoding") != "gzip"
        return read(self.answered["Content-Type"], self.body if plain else gzip.decompress(self.body))
