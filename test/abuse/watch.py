"""What is looked at while the worker is attacked: a good client's scrapes, and the kernel's memory."""

import os
import pathlib
import socket
import time

SCRAPE = (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
          b"Accept: application/openmetrics-text;version=1.0.0\r\n\r\n")


def scrape(port, seconds=10, tls=None):
    """Scrapes once over a new connection, with TLS if `tls` is an SSLContext: how long it took, what was wrong, if
    anything was, and the answer's length."""
    began = time.monotonic()
    answer = bytearray()
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        # As Prometheus and curl do: else the request waits for the handshake's last word to be acknowledged.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with plain if tls is None else tls.wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(SCRAPE)
            while chunk := client.recv(1 << 20):
                answer += chunk
                if time.monotonic() - began > seconds:
                    raise TimeoutError("no end in sight")
    except OSError as error:
        return time.monotonic() - began, f"{type(error).__name__}: {error} after {len(answer)} bytes", 0
    took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 200 "):
        return took, answer[:100].decode("ascii", "replace"), 0
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:"))
    if length != len(body) or not body.endswith(b"# EOF\n"):
        return took, f"{len(body)} of {length} bytes", 0
    return took, "", length


def kernel_memory_kb():
    """What the kernel holds for all TCP connections of this machine."""
    for line in pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
