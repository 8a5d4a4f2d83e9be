#!/usr/bin/env python3
"""Measures what the server adds to a request: its whole stack around a backend that computes nothing.

    bench/null_server.py NULL_SERVER [--rounds N] [--requests N] [--database PLACE] [--json]

With --database ("sqlite:platform.db", "postgres://…") a platform is made in it and in a temporary folder, and every request
comes with a key, is admitted by limits of twelve kinds and levels, and is booked.

NULL_SERVER is the program of the target `null_server` (-DAUTARK_TESTS=ON). The table says

  first byte    from sending a request of 2 KB on an open connection to the first byte of its streamed answer
  chunk         processor time of the server for one streamed chunk, 64 streams, one chunk each every 10 ms. Between its
                rounds, the same number of bytes is sent to as many sockets from a loop of Python ("bare"): that is the
                kernel's part, and no server that sends each chunk at once can go below it. "own" is the rest
  chunk burst   the same where the backend has all tokens at once, so that many chunks are sent together
  open streams  2000 streams at the same time: how many got their first chunk and one more, memory for each
  memory        resident memory after the first tenth of --requests whole answers and at the end, and after each
                of eight rounds of 500 streams of 1000 chunks

The client of the measurement runs on the same machine, so leave a core to it. The exit code is 1 if an answer is missing.
"""
import argparse
import json
import pathlib
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PATH = "/v1/chat/completions"
READER = """
import selectors, socket, sys
port, count = map(int, sys.argv[1:])
selector = selectors.DefaultSelector()
for _ in range(count):
    selector.register(socket.create_connection(("127.0.0.1", port)), selectors.EVENT_READ)
while selector.get_map():
    for key, _ in selector.select():
        if not key.fileobj.recv(1 << 18):
            selector.unregister(key.fileobj)
"""


class NullServer:
    """One process of the program; ends with the block. Servers of one run share a platform."""

    place, folder, authorization = "", None, ""

    def __init__(self, program, tokens, delay_us):
        command = [program, "--tokens", str(tokens), "--delay-us", str(delay_us)]
        if self.place and not NullServer.folder:
            NullServer.folder = tempfile.TemporaryDirectory()
        if self.place:
            command += ["--platform", self.folder.name + "/platform", "--store", self.place]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        words = self.process.stdout.readline().split()
        if words[:1] == ["key"]:
            NullServer.authorization = f"authorization: Bearer {words[1]}\r\n"
            words = self.process.stdout.readline().split()
        if words[:1] != ["listening"]:
            sys.exit("null_server did not start")
        self.port = int(words[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def processor_us(self):
        """Time on a processor so far, of all threads."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(t.read_text().split()[0]) for t in tasks) / 1000

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def request(stream, letters=40, **fields):
    body = json.dumps({"messages": [{"role": "user", "content": "x" * letters}], "stream": stream, **fields})
    return (f"POST {PATH} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{NullServer.authorization}"
            f"content-length: {len(body)}\r\n\r\n{body}").encode()


def read_to_end(s):
    """Reads a chunked answer."""
    last = b""
    while not last.endswith(b"0\r\n\r\n"):
        got = s.recv(1 << 16)
        if not got:
            sys.exit("the server closed a connection")
        last = (last + got)[-5:]


class Streams:
    """Many streams that are read by one loop."""

    def __init__(self, server, count):
        self.selector, self.open, self.chunks = selectors.DefaultSelector(), 0, [0] * count
        self.last = [b""] * count  # bytes
        self.sockets = [server.connect() for _ in range(count)]
        for i, s in enumerate(self.sockets):
            self.selector.register(s, selectors.EVENT_READ, i)

    def send(self, text):
        self.open = len(self.sockets)
        for s in self.sockets:
            s.sendall(text)

    def read_until(self, done):
        while self.open and not done():
            for key, _ in self.selector.select(1):
                got = key.fileobj.recv(1 << 18)
                if not got:
                    sys.exit("the server closed a stream")
                self.chunks[key.data] += got.count(b"data: ")
                self.last[key.data] = (self.last[key.data] + got[-5:])[-5:]
                if self.last[key.data] == b"0\r\n\r\n":  # a gateway closes what is idle for long
                    self.selector.unregister(key.fileobj)
                    self.open -= 1

    def close(self):
        self.selector.close()
        for s in self.sockets:
            s.close()


def first_byte(program, rounds):
    taken = []
    with NullServer(program, 1, 200) as server:
        s, text = server.connect(), request(True, 2000, max_tokens=16)
        for _ in range(200 * rounds):
            began = time.perf_counter()
            s.sendall(text)
            s.recv(1)
            taken.append((time.perf_counter() - began) * 1e6)
            read_to_end(s)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98]}


def chunk(program, rounds, tokens, delay_us):
    """Microseconds for a chunk: the median, the least and the most of the rounds."""
    each, bare = [], []
    with NullServer(program, tokens, delay_us) as server:
        for _ in range(rounds):
            streams = Streams(server, 64)
            began = server.processor_us()
            streams.send(request(True))
            streams.read_until(lambda: False)
            each.append((server.processor_us() - began) / sum(streams.chunks))
            streams.close()
            if delay_us:
                bare.append(bare_send(steps=tokens, pause=delay_us / 1e6))
    found = {"median": statistics.median(each), "least": min(each), "most": max(each)}
    if bare:
        found.update(bare=statistics.median(bare), own=found["median"] - statistics.median(bare))
    return found


def bare_send(count=64, steps=300, letters=250, pause=0.01):
    """Microseconds for a send() to one of many sockets that another process reads."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=count)
    reader = subprocess.Popen([sys.executable, "-c", READER, str(listener.getsockname()[1]), str(count)])
    sockets, text = [listener.accept()[0] for _ in range(count)], b"x" * letters
    for s in sockets:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    began = time.thread_time()
    for _ in range(steps):
        for s in sockets:
            s.send(text)
        time.sleep(pause)
    taken = time.thread_time() - began
    for s in sockets:
        s.close()
    reader.wait()
    return taken * 1e6 / count / steps


def open_streams(program, count=2000):
    with NullServer(program, 1000, 1_000_000) as server:
        before = server.resident_mib()
        streams = Streams(server, count)
        end = time.monotonic() + 20
        streams.send(request(True, max_tokens=1000))  # a budget reserves the price of the most that may come
        streams.read_until(lambda: min(streams.chunks) >= 2 or time.monotonic() > end)
        held = server.resident_mib() - before
        served = sum(c >= 2 for c in streams.chunks)
        streams.close()
    return {"asked": count, "served": served, "kib_each": held * 1024 / count}


def requests_memory(program, count, lanes=8, depth=25):
    """Whole answers, `depth` requests at a time on each of `lanes` connections."""
    marks, sent, text = [], 0, request(False) * depth
    with NullServer(program, 16, 0) as server:
        sockets = [server.connect() for _ in range(lanes)]
        began = time.monotonic()
        while sent < count:
            for s in sockets:
                s.sendall(text)
            for s in sockets:
                answers = 0
                while answers < depth:
                    got = s.recv(1 << 18)
                    if not got:
                        sys.exit("the server closed a connection")
                    answers += got.count(b"HTTP/1.1 200")
            sent += lanes * depth
            if sent * 10 >= count * (len(marks) + 1):
                marks.append(round(server.resident_mib(), 1))
        return {"requests": sent, "mib_by_tenth": marks, "requests_per_second": sent / (time.monotonic() - began)}


def streams_memory(program, rounds=8, count=500):
    marks = []
    with NullServer(program, 1000, 0) as server:
        for _ in range(rounds):
            streams = Streams(server, count)
            streams.send(request(True))
            streams.read_until(lambda: False)
            streams.close()
            marks.append(round(server.resident_mib(), 1))
    return {"mib_by_round": marks}


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("program")
    o.add_argument("--rounds", type=int, default=5)
    o.add_argument("--requests", type=int, default=100_000, help="for the memory; 0: without")
    o.add_argument("--database", default="", help="with a platform in this database")
    o.add_argument("--json", action="store_true")
    o = o.parse_args()
    NullServer.place = o.database
    steps = {"first_byte_us": lambda: first_byte(o.program, o.rounds), "chunk_us": lambda: chunk(o.program, o.rounds, 300, 10_000),
             "chunk_burst_us": lambda: chunk(o.program, o.rounds, 1000, 0), "open_streams": lambda: open_streams(o.program)}
    if o.requests:
        steps.update(answers=lambda: requests_memory(o.program, o.requests), streams=lambda: streams_memory(o.program))
    found = {}
    for name, measure in steps.items():
        found[name] = values = measure()
        shown = "  ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items())
        print(f"{name:15}", shown, file=sys.stderr if o.json else sys.stdout, flush=True)
    if o.json:
        print(json.dumps(found))
    sys.exit(found["open_streams"]["served"] != found["open_streams"]["asked"])


if __name__ == "__main__":
    main()
