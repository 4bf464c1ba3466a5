#!/usr/bin/env python3
"""Whatever our parser of request heads accepts, a strict reference accepts, too, with the same meaning.

The reference is h11. Requests are the fuzzers' kept inputs, and as many as are asked for made of the pieces of
which requests are smuggled: lengths and codings in conflict, folded lines, strange ends of lines, blanks and
control characters where none may be. The same meaning: the same method, target and fields, the head ends at the
same byte, nothing follows that would be a body, and both keep the connection or both close it.

usage: heads.py PROGRAM CORPUS [COUNT]
"""

import collections
import pathlib
import random
import struct
import subprocess
import sys
import threading

import h11

METHODS = [b"GET", b"GET", b"GET", b"HEAD", b"POST", b"get", b"G ET", b"", b"GET\t", b"G\0T", b"PRI", b"CONNECT"]
TARGETS = [b"/", b"/metrics", b"/metrics?name[]=a&b=%20", b"/a/b/../c", b"*", b"http://a/", b"a:1", b"/%", b"/%zz", b"/\xff",
           b"//", b"/a b", b"/a\tb", b"/" + b"a" * 300, b"/?" + b"a" * 3000, b"/#x", b"/\\", b"/\x7f", b""]
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0"] * 2 + [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.1 ", b"http/1.1", b"HTTP/1.10", b"HTTP/1",
                                  b"HTTP/ 1.1", b""]
ENDS = [b"\r\n"] * 30 + [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\r\n", b" \r\n", b"\0\r\n"]
COLONS = [b": "] * 20 + [b":", b" :", b" : ", b":\t", b"", b": \r\n ", b":\r\n\t", b":\x0b"]
FIELDS = [
    (b"Host", [b"a", b"a:1", b"[::1]", b"", b"a b", b"a/b", b"a\0", b"a@b", b"127.0.0.1:80", b"a,b"]),
    (b"Content-Length", [b"0", b"0", b"5", b"+0", b"-0", b"0x0", b"0, 0", b"00", b"0 ", b"", b" 0", b"99999999999999999999"]),
    (b"Transfer-Encoding", [b"chunked", b"identity", b"\x0bchunked", b"xchunked", b"chunked, identity", b"", b"CHUNKED", b"chunked;"]),
    (b"Connection", [b"close", b"keep-alive", b"Close", b"upgrade", b"close, TE", b"x,close", b"TE , close", b"closed", b""]),
    (b"Expect", [b"100-continue", b"", b"200-maybe"]),
    (b"Accept", [b"*/*", b"text/plain;q=0.5", b"a\xe4b", b"a\x01b", b"", b"a,,b"]),
    (b"Accept-Encoding", [b"gzip", b"identity", b"gzip;q=0"]),
    (b"Authorization", [b"Bearer abc", b"Basic eA==", b""]),
    (b"Upgrade", [b"h2c"]),
    (b"X-A", [b"b", b"\x7f", b"\r", b"a\nb", b"a\r\n b", b"\xff" * 10, b"x" * 5000]),
    (b"Host ", [b"b"]), (b" Host", [b"b"]), (b"Ho\0st", [b"b"]), (b"", [b"b"]), (b"Content_Length", [b"5"]),
    (b"Transfer\xadEncoding", [b"chunked"]), (b"content-LENGTH", [b"0", b"7"]),
]
TAILS = [b""] * 6 + [b"GET /x HTTP/1.1\r\nHost: y\r\n\r\n", b"hello", b"0\r\n\r\n", b"\r\n", b"5\r\nhello\r\n0\r\n\r\n"]


def made(dice):
    line = b" ".join([dice.choice(METHODS), dice.choice(TARGETS), dice.choice(VERSIONS)])
    if dice.randrange(30) == 0:
        line = line.replace(b" ", dice.choice([b"  ", b"\t", b"\0", b"\x0b"]))
    parts = [line, dice.choice(ENDS)]
    if dice.randrange(10):
        parts += [b"Host: localhost\r\n"]
    for _ in range(dice.randrange(5)):
        name, values = dice.choice(FIELDS)
        if dice.randrange(6) == 0:
            name = name.swapcase()
        parts += [name, dice.choice(COLONS), dice.choice(values), dice.choice(ENDS)]
    if dice.randrange(200) == 0:
        parts += [b"A: b\r\n"] * dice.choice([50, 70])
    return b"".join(parts) + b"\r\n" + dice.choice(TAILS)


def changed(dice, request):
    request = bytearray(request)
    for _ in range(dice.randrange(3)):
        at = dice.randrange(len(request) + 1)
        if dice.randrange(2):
            request[at:at] = bytes([dice.choice([0, 9, 10, 11, 13, 32, 58, 127, 255, dice.randrange(256)])])
        else:
            del request[at:at + 1]
    return bytes(request)


def plain(dice):
    """Mostly accepted."""
    fields = [b"Host: localhost", b"Accept: text/plain", b"Accept: */*;q=0.1", b"Accept-Encoding: gzip", b"Connection: close",
              b"Content-Length: 0", b"User-Agent: x", b"Authorization: Bearer abc", b"X:\t y \t", b"Connection: x, Close ,y"]
    chosen = [fields[0], *dice.sample(fields[1:], dice.randrange(5))]
    dice.shuffle(chosen)
    head = b"\r\n".join([dice.choice([b"GET", b"HEAD"]) + b" " + dice.choice(TARGETS[:3]) + b" " + dice.choice(VERSIONS[:10]), *chosen])
    return head + b"\r\n\r\n" + dice.choice(TAILS)


def requests(corpus, count):
    dice = random.Random(20240229)
    kept = [file.read_bytes() for folder in ("request_head", "router") for file in sorted((corpus / folder).iterdir())]
    yield from kept
    for number in range(count):
        kind = number % 4
        yield (made(dice) if kind == 0 else changed(dice, made(dice)) if kind == 1
               else changed(dice, plain(dice)) if kind == 2 else changed(dice, dice.choice(kept)))


def reference(request):
    """What h11 makes of it: None if it refuses it or waits for more, else what it means."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        server.receive_data(request)
        event = server.next_event()
        if not isinstance(event, h11.Request):
            return None
        following = server.next_event()
        if isinstance(following, h11.EndOfMessage):
            # Without an upgrade, if one was asked for: only then it is known what follows.
            server.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
            server.send(h11.EndOfMessage())
    except h11.RemoteProtocolError:
        return None
    lists = collections.defaultdict(list)
    for name, value in event.headers:
        lists[name].append(value)
    joined = lambda name: b", ".join(lists[name])
    return {
        "method": event.method, "target": event.target, "host": joined(b"host"), "accept": joined(b"accept"),
        "accept_encoding": joined(b"accept-encoding"), "authorization": joined(b"authorization"),
        "keep_alive": server.their_state is h11.DONE, "no body": isinstance(following, h11.EndOfMessage),
        "length": len(request) - len(server.trailing_data[0]),
    }


def ours(line):
    words = line.split()
    text = lambda word: bytes.fromhex(word[1:])
    return {
        "method": text(words[2]), "target": text(words[3]), "host": text(words[4]), "accept": text(words[5]),
        "accept_encoding": text(words[6]), "authorization": text(words[7]), "keep_alive": words[8] == "1", "no body": True,
        "length": int(words[1]),
    }


def main():
    program, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    asked = list(requests(corpus, count))
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False)

    def feed():
        for request in asked:
            process.stdin.write(struct.pack("<I", len(request)) + request)
        process.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    statuses, faults = collections.Counter(), []
    more = 0
    for request in asked:
        line = process.stdout.readline().decode()
        status = int(line.split()[0])
        statuses[status] += 1
        theirs = reference(request)
        if status != 0:
            more += theirs is not None and theirs["no body"]
        elif theirs != ours(line):
            faults.append((request, ours(line), theirs))
    feeder.join()
    if process.wait() != 0:
        faults.append(("the program ended with", process.returncode))
    for fault in faults[:10]:
        print(*fault, sep="\n    ")
    named = {0: "accepted", 1: "not complete"}
    print(f"{len(asked)} requests:", ", ".join(f"{named.get(s, s)}: {n}" for s, n in sorted(statuses.items())))
    print(f"{len(faults)} are accepted with another meaning than h11's; {more} are refused that h11 accepts")
    # Or nothing has been compared.
    return 1 if faults or statuses[0] < len(asked) // 20 else 0


if __name__ == "__main__":
    sys.exit(main())
