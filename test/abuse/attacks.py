"""What strangers do to the worker: each attack goes on until it is told to stop.

An attack runs in a process of its own; one that goes on until it is told to stop, at the lowest priority, so
that what it takes of the CPU is not taken from who is attacked. It says when it is in place, and at its end
what it has done.
"""

import collections
import contextlib
import errno
import multiprocessing
import os
import random
import resource
import select
import selectors
import socket
import time

HEAD = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\nAccept-Encoding: %s\r\n\r\n"
# Ask for bodies that nobody else is sent.
KINDS = [HEAD % (accept, coding)
         for accept in (b"text/plain", b"application/openmetrics-text;version=1.0.0",
                        b"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
         for coding in (b"identity", b"gzip")]


def connect(port, receive_buffer=0):
    """A connection under way; it may fail later. None if there is no descriptor or port left."""
    client = socket.socket()
    client.setblocking(False)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    error = client.connect_ex(("127.0.0.1", port))
    if error in (0, errno.EINPROGRESS):
        return client
    client.close()
    return None


def forget(client):
    """Closed with a reset, so that no port stays in use."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


class Crowd:
    """`size` connections, each made anew a second after the server has closed it.

    `hello(n)`: what the n-th connection sends first. `drip`: what each sends once a second after that.
    `sip`: bytes that each reads once a second; None: whatever comes. `leave`: closes its sending side.
    """

    total = None

    def __init__(self, size, hello=lambda n: b"", drip=b"", sip=None, receive_buffer=0, leave=False):
        self.size, self.hello, self.drip, self.sip = size, hello, drip, sip
        self.receive_buffer, self.leave = receive_buffer, leave

    def run(self, port, stop, in_place, counts):
        poller = select.epoll()
        clients = {}  # descriptor -> socket
        connected = set()
        turn = time.monotonic()
        returning = collections.deque()  # when those who were closed come back
        while not stop.is_set():
            while returning and returning[0] < time.monotonic():
                returning.popleft()
            while len(clients) + len(returning) < self.size:
                client = connect(port, self.receive_buffer)
                if client is None:
                    break
                clients[client.fileno()] = client
                poller.register(client.fileno(), select.EPOLLOUT | select.EPOLLIN)
            for descriptor, events in poller.poll(0.02, 512):
                client = clients[descriptor]
                try:
                    if events & select.EPOLLOUT and descriptor not in connected:
                        connected.add(descriptor)
                        counts["connections"] += 1
                        self._greet(client, counts)
                        poller.modify(descriptor, 0 if self.sip is not None else select.EPOLLIN)
                    elif self.sip is None and client.recv(65536) == b"":
                        raise ConnectionResetError
                    if events & (select.EPOLLHUP | select.EPOLLERR):
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                except OSError:
                    connected.discard(descriptor)
                    counts["closed by the server"] += 1
                    del clients[descriptor]
                    poller.unregister(descriptor)
                    forget(client)
                    returning.append(time.monotonic() + 1)
            # So many places may not be had at a time; that many were asked for.
            if counts["connections"] >= self.size:
                in_place.set()
            if time.monotonic() - turn >= 1:
                turn += 1
                for client in clients.values():
                    with contextlib.suppress(OSError):
                        if self.drip:
                            client.send(self.drip)
                        if self.sip:
                            client.recv(self.sip)
        for client in clients.values():
            forget(client)

    def _greet(self, client, counts):
        hello = self.hello(counts["connections"])
        if hello:
            client.send(hello)
        if self.leave:
            client.shutdown(socket.SHUT_WR)


class Flood:
    """`lanes` connections at a time that each send all that `pieces(n)` gives, as long as they are let.

    Goes on until it is told to stop, or until `total` connections have come to their end; what is
    answered is read and counted by its status. `finish`: they end their side when all is sent.
    """

    def __init__(self, pieces, lanes=20, total=None, read=True, finish=True):
        self.pieces, self.lanes, self.total, self.read, self.finish = pieces, lanes, total, read, finish

    def run(self, port, stop, in_place, counts):
        poller = selectors.DefaultSelector()
        begun = 0
        lanes = 0
        while not stop.is_set():
            while lanes < self.lanes and (self.total is None or begun < self.total):
                client = connect(port, 0 if self.read else 4096)
                if client is None:
                    break
                lane = {"pieces": self.pieces(begun), "left": b"", "answer": b""}
                poller.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, lane)
                begun += 1
                lanes += 1
            for key, events in poller.select(0.05):
                try:
                    if events & selectors.EVENT_WRITE:
                        self._send(poller, key, counts)
                    if events & selectors.EVENT_READ and self.read:
                        self._receive(key)
                except BlockingIOError:
                    pass
                except OSError:
                    poller.unregister(key.fileobj)
                    answer = key.data["answer"]
                    counts[self._kind(answer)] += 1
                    counts["connections"] += 1
                    forget(key.fileobj)
                    lanes -= 1
            if begun >= self.lanes:
                in_place.set()
            if self.total is not None and counts["connections"] >= self.total:
                break
        for key in list(poller.get_map().values()):
            forget(key.fileobj)

    def _send(self, poller, key, counts):
        lane = key.data
        if not lane["left"]:
            lane["left"] = next(lane["pieces"], b"")
            if not lane["left"]:
                poller.modify(key.fileobj, selectors.EVENT_READ, lane)
                if self.finish:
                    key.fileobj.shutdown(socket.SHUT_WR)
                return
        sent = key.fileobj.send(lane["left"])
        counts["bytes sent"] += sent
        lane["left"] = lane["left"][sent:]

    @staticmethod
    def _kind(answer):
        if answer.startswith(b"HTTP/"):
            return f"status {answer[9:12].decode()}"
        return "answered with TLS" if answer else "no answer"

    @staticmethod
    def _receive(key):
        chunk = key.fileobj.recv(65536)
        if not chunk:
            raise ConnectionResetError
        if len(key.data["answer"]) < 12:
            key.data["answer"] += chunk[:12]


def endless(first, piece):
    def pieces(_):
        yield first
        while True:
            yield piece
    return pieces


def pieces_of(size, first, piece):
    def pieces(_):
        yield first
        for _ in range(size // len(piece)):
            yield piece
    return pieces


def malformed(corpus, seed=1):
    """Requests of the corpus, changed in a few places, each its own bytes for each number."""
    def pieces(number):
        dice = random.Random(f"{seed}:{number}")
        request = bytearray(dice.choice(corpus))
        for _ in range(dice.randrange(4)):
            at = dice.randrange(len(request) + 1)
            action = dice.randrange(3)
            if action == 0:
                request[at:at] = dice.choice([b"\r\n", b"\n", b"\0", b":", b" ", b"\xff", b"Host: a\r\n", b"GET "])
            elif action == 1:
                del request[at:at + dice.randrange(8)]
            elif at < len(request):
                request[at] = dice.randrange(256)
        yield bytes(request) or b"\n"
    return pieces


def _child(attack, port, stop, in_place, pipe):
    if attack.total is None:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    counts = collections.Counter()
    try:
        attack.run(port, stop, in_place, counts)
    finally:
        pipe.send(dict(counts))


class Running:
    """An attack that is under way until the block is left; `counts` then is what it has done."""

    def __init__(self, attack, port):
        self.stop = multiprocessing.Event()
        self.in_place = multiprocessing.Event()
        self.counts = {}
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(
            target=_child, args=(attack, port, self.stop, self.in_place, theirs), daemon=True)
        self.theirs = theirs

    def __enter__(self):
        self.process.start()
        self.theirs.close()
        # A machine whose other processes leave it nothing may never be attacked at once by all.
        self.in_place.wait(20)
        return self

    def __exit__(self, *_):
        self.stop.set()
        if self.pipe.poll(30):
            self.counts = self.pipe.recv()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def ended(self):
        return not self.process.is_alive() or self.pipe.poll(0)
