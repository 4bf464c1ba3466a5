"""A reverse proxy in front of the worker: it adds a prefix to every path, and opens /api only to who has
the token. So may people publish the page, and so the worker itself answers with pg_hello.auth_token_file."""

import http.client
import http.server
import threading


class Gatekeeper:
    """Serves http://127.0.0.1:PORT/PREFIX/ until the block is left. `seen`: (path, Authorization) of each request."""

    def __init__(self, worker_port, token, prefix="db1"):
        gatekeeper = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                authorization = self.headers["Authorization"]
                gatekeeper.seen.append((self.path, authorization))
                inside = self.path.removeprefix(f"/{prefix}")
                if inside.startswith("/api/") and authorization != f"Bearer {token}":
                    self.answer(401, {"WWW-Authenticate": "Bearer"}, b"Unauthorized\n")
                    return
                worker = http.client.HTTPConnection("127.0.0.1", worker_port, timeout=10)
                worker.request("GET", inside)
                answer = worker.getresponse()
                kept = ("Content-Type", "Content-Security-Policy", "Cache-Control", "X-Content-Type-Options")
                self.answer(answer.status, {name: answer.headers[name] for name in kept if answer.headers[name]}, answer.read())
                worker.close()

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/{prefix}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
