#!/usr/bin/env python3
"""Measures what a gateway with keys adds to a request: the platform of autark, the LiteLLM proxy and Portkey's gateway, each
before a backend that computes nothing, one after the other on the same machine.

    bench/gateways.py NULL_SERVER [--litellm PROGRAM] [--portkey START_SERVER_JS] [--rounds N] [--json]

The table says, for each of them

  first byte    from sending a request of 2 KB on an open connection to the first byte of its streamed answer
  chunk         processor time for one streamed chunk, 64 streams, one chunk each every 10 ms
  memory        resident memory after that

autark is NULL_SERVER with a platform in SQLite: the backend is in its process, and every request is admitted by twelve limits
and booked. The others forward to a NULL_SERVER without a platform, whose own time is in the row "direct" and its processor
time is not counted. LiteLLM (pip install "litellm[proxy]==1.81.10"; the proxy of 1.110.2 needs a package litellm-proxy that
PyPI does not have) answers as a proxy that translates, and as a pass-through endpoint; it has a master key and no database.
Portkey (npm install @portkey-ai/gateway) has neither. Its 1.15.2 answers every stream with 500 ("TypeError: immutable") on
current versions of @hono/node-server, so its package.json needs "overrides": {"@hono/node-server": "1.13.8"}. Neither of them
counts limits or books in this set-up. The client runs on the same machine.
"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import null_server
from null_server import NullServer, Streams, read_to_end

CONFIG = """
model_list:
  - model_name: "null"
    litellm_params: {{model: openai/null, api_base: "http://127.0.0.1:{port}/v1", api_key: unused}}
general_settings:
  master_key: sk-bench
  pass_through_endpoints:
    - {{path: /through, target: "http://127.0.0.1:{port}/v1/chat/completions", headers: {{content-type: application/json}}}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Process(NullServer):
    """A gateway; with the functions that measure a NullServer."""

    def __init__(self, command, port, path, headers, env=None):
        self.port, self.path, self.headers = port, path, headers
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, **(env or {})})
        end = time.monotonic() + 90
        while time.monotonic() < end:
            try:
                with self.connect():
                    return
            except OSError:
                time.sleep(0.2)
        sys.exit(f"{command[0]} did not start")

    def request(self, letters=40, **fields):
        body = json.dumps({"model": "null", "stream": True, "messages": [{"role": "user", "content": "x" * letters}], **fields})
        return (f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{self.headers}"
                f"content-length: {len(body)}\r\n\r\n{body}").encode()


class Own(NullServer):
    def request(self, letters=40, **fields):
        return null_server.request(True, letters, **fields)


def first_byte(server, count):
    taken, s, text = [], server.connect(), server.request(2000, max_tokens=16)
    for _ in range(count):
        began = time.perf_counter()
        s.sendall(text)
        start = s.recv(1 << 16)
        taken.append((time.perf_counter() - began) * 1e6)
        if b" 200 " not in start[:20]:
            sys.exit(f"refused: {start[:400]!r}")
        if not start.endswith(b"0\r\n\r\n"):
            read_to_end(s)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50_us": cuts[49], "p90_us": cuts[89], "p99_us": cuts[98]}


def chunk(server, rounds):
    each = []
    for _ in range(rounds):
        streams = Streams(server, 64)
        began = server.processor_us()
        streams.send(server.request(max_tokens=300))
        streams.read_until(lambda: False)
        each.append((server.processor_us() - began) / sum(streams.chunks))
        streams.close()
    return {"chunk_us": statistics.median(each), "resident_mib": server.resident_mib()}


def litellm(program, upstream, folder, path):
    config, port = pathlib.Path(folder) / "litellm.yaml", free_port()
    config.write_text(CONFIG.format(port=upstream.port))
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    server = Process(command, port, path, "authorization: Bearer sk-bench\r\n", {"LITELLM_LOG": "ERROR"})
    time.sleep(5)  # it loads its routes after it listens
    return server


def portkey(program, upstream):
    port = free_port()
    headers = (f"authorization: Bearer unused\r\nx-portkey-provider: openai\r\n"
               f"x-portkey-custom-host: http://127.0.0.1:{upstream.port}/v1\r\n")
    server = Process(["node", program, f"--port={port}", "--headless"], port, null_server.PATH, headers,
                     {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"})
    time.sleep(2)
    return server


def gateways(o, folder):
    """Name, and what starts a server whose backend answers with so many tokens, one every so many microseconds."""
    def over(start):
        def begin(tokens, delay_us):
            NullServer.place = ""
            upstream = NullServer(o.program, tokens, delay_us)
            gateway = start(upstream)
            gateway.upstream = upstream
            return gateway
        return begin

    def own(place):
        def begin(tokens, delay_us):
            NullServer.place, NullServer.authorization, NullServer.folder = place, "", None
            return Own(o.program, tokens, delay_us)
        return begin

    yield "direct", own("")
    yield "autark", own("sqlite:platform.db")
    if o.litellm:
        yield "litellm", over(lambda up: litellm(o.litellm, up, folder, null_server.PATH))
        yield "litellm pass-through", over(lambda up: litellm(o.litellm, up, folder, "/through"))
    if o.portkey:
        yield "portkey", over(lambda up: portkey(o.portkey, up))


def measure(begin, rounds):
    found = {}
    for step, count, tokens, delay in ((first_byte, 200 * rounds, 1, 200), (chunk, rounds, 300, 10_000)):
        server = begin(tokens, delay)
        with server:
            found.update(step(server, count))
        if hasattr(server, "upstream"):
            server.upstream.__exit__()
    return found


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("program")
    o.add_argument("--litellm", default="")
    o.add_argument("--portkey", default="")
    o.add_argument("--rounds", type=int, default=3)
    o.add_argument("--json", action="store_true")
    o = o.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, begin in gateways(o, folder):
            found[name] = values = measure(begin, o.rounds)
            shown = "  ".join(f"{k} {v:.1f}" for k, v in values.items())
            print(f"{name:22}", shown, file=sys.stderr if o.json else sys.stdout, flush=True)
    if o.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
