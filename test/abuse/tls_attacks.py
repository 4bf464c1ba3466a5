"""What strangers do to a worker that speaks TLS; run like those of attacks.py."""

import collections
import contextlib
import random
import ssl
import threading

from watch import scrape

STRANGER = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_hello():
    """A new client's first bytes, each time with other keys."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = STRANGER.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def garbage_after(number, hello=None):
    """A hello, and then anything: as bytes, or as records of a handshake, of data, or of a change of ciphers."""
    dice = random.Random(number)
    yield client_hello() if hello is None else hello
    for _ in range(20):
        rest = dice.randbytes(dice.randrange(1, 2000))
        kind = dice.choice([None, 20, 21, 22, 23])
        yield rest if kind is None else bytes([kind, 3, 3]) + len(rest).to_bytes(2, "big") + rest


class Scrapers:
    """`size` clients that scrape without a pause, each time over a new connection with a whole handshake."""

    total = None

    def __init__(self, size, authority):
        self.size, self.authority = size, authority

    def run(self, port, stop, in_place, counts):
        each = [collections.Counter() for _ in range(self.size)]

        def go(own):
            tls = ssl.create_default_context(cafile=self.authority)
            while not stop.is_set():
                _, fault, _ = scrape(port, tls=tls)
                own["faults" if fault else "scrapes"] += 1
                own["connections"] += 1

        threads = [threading.Thread(target=go, args=(own,)) for own in each]
        for thread in threads:
            thread.start()
        in_place.set()
        for thread in threads:
            thread.join()
        for own in each:
            counts.update(own)
