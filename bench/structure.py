#!/usr/bin/env python3
"""Measures what structured output costs.

    bench/structure.py AUTARK [--model MODEL] [--rounds N] [--hostile N] [--json]

  decode       milliseconds for a token of an answer held to a schema and of a free one, in turns; and their ratio
  first token  milliseconds until the first token with a new schema of 10 KB, minus those without, in turns
  beside       median gap between the tokens of a free stream while --hostile schemas that are made to break a compiler
               (tests/schemas/run) come one after the other, and alone; and how these were answered

The exit code is 1 if a hostile schema was answered with another status than 200 and 400, or took more than ten seconds.
"""
import argparse
import collections
import http.client
import importlib.machinery
import importlib.util
import json
import pathlib
import random
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from autark_server import AutarkServer

SECONDS_MAX = 10
PEOPLE = {"type": "object", "properties": {"people": {"type": "array", "minItems": 40, "items": {
    "type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"], "additionalProperties": False}}}, "required": ["people"], "additionalProperties": False}
PROMPT = [{"role": "user", "content": "Describe forty people of a village in detail, as JSON with name, age and city."}]


def hostile_schemas():
    """The generator of tests/schemas/run."""
    loader = importlib.machinery.SourceFileLoader("schemas_run", str(ROOT / "tests/schemas/run"))
    sys.path.insert(0, str(ROOT / "tests/schemas"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("schemas_run", loader))
    loader.exec_module(module)
    return module.hostile


class Server(AutarkServer):
    def __init__(self, program, model):
        super().__init__(program, model, "--state", "none", "--speculate", "off")

    def send(self, text):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        c.request("POST", "/v1/chat/completions", text.encode("utf-8", "surrogatepass"), {"content-type": "application/json"})
        return c, c.getresponse()

    def stream(self, tokens, schema=None):
        """Seconds from the request to each token."""
        body = {"messages": PROMPT, "max_tokens": tokens, "stream": True, "temperature": 0, "seed": 1}
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        began = time.perf_counter()
        c, answer = self.send(json.dumps(body))
        if answer.status != 200:
            sys.exit(f"a stream was answered with {answer.status}: {answer.read()[:300]}")
        times = [time.perf_counter() - began for line in answer if b'"delta":{"content":"' in line and b'"role"' not in line]
        c.close()
        return times


def gaps(times):
    return [b - a for a, b in zip(times, times[1:])]


def decode(server, rounds, tokens=128):
    per_token = collections.defaultdict(list)
    for _ in range(rounds):
        for name, schema in (("free", None), ("held", PEOPLE)):
            times = server.stream(tokens, schema)
            per_token[name].append((times[-1] - times[0]) * 1000 / (len(times) - 1))
    free, held = (statistics.median(per_token[n]) for n in ("free", "held"))
    return {"free_ms": free, "held_ms": held, "ratio": held / free}


def big_schema(draw):
    """A schema of about 10 KB that no other run has."""
    fields = {f"field_{draw.randrange(10**9)}": {"type": "string", "enum": [f"w{draw.randrange(10**6)}" for _ in range(5)]}
              for _ in range(90)}
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


def first_token(server, rounds):
    draw, taken = random.Random(), collections.defaultdict(list)
    for _ in range(rounds):
        schema = big_schema(draw)
        taken["free"].append(server.stream(2)[0] * 1000)
        taken["new"].append(server.stream(2, schema)[0] * 1000)
        taken["known"].append(server.stream(2, schema)[0] * 1000)
    free, new, known = (statistics.median(taken[n]) for n in ("free", "new", "known"))
    return {"schema_bytes": len(json.dumps(schema)), "free_ms": free, "new_ms": new, "known_ms": known, "later_ms": new - free}


def send_hostile(server, count, statuses):
    make = hostile_schemas()
    for i in range(count):
        kind, text = make(random.Random(f"bench {i}"))
        word, _, value = text.partition(":")
        field = (f'"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{value}}}}}' if word == '"schema"'
                 else f'"structured_outputs":{{{text}}}')
        began = time.perf_counter()
        c, answer = server.send('{"messages":[{"role":"user","content":"x"}],"max_tokens":1,%s}' % field)
        answer.read()
        c.close()
        taken = time.perf_counter() - began
        statuses.append((answer.status, taken))
        if answer.status not in (200, 400) or taken > SECONDS_MAX:
            print(f"hostile {kind}, number {i}: {answer.status} after {taken:.1f} s", file=sys.stderr)


def beside(server, count):
    server.stream(8)
    alone, statuses, with_them = gaps(server.stream(192)), [], []
    sender = threading.Thread(target=send_hostile, args=(server, count, statuses))
    sender.start()
    while sender.is_alive():
        with_them += gaps(server.stream(96))
    alone += gaps(server.stream(192))
    a, b = statistics.median(alone) * 1000, statistics.median(with_them) * 1000
    return {"alone_ms": a, "beside_ms": b, "ratio": b / a, "statuses": dict(collections.Counter(s for s, _ in statuses)),
            "slowest_s": max(t for _, t in statuses)}


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("program")
    o.add_argument("--model", default="qwen2.5-coder-0.5b")
    o.add_argument("--rounds", type=int, default=5)
    o.add_argument("--hostile", type=int, default=200, help="0: without")
    o.add_argument("--json", action="store_true")
    o = o.parse_args()
    with Server(o.program, o.model) as server:
        server.stream(8, PEOPLE)
        found = {}
        steps = {"decode": lambda: decode(server, o.rounds), "first_token": lambda: first_token(server, o.rounds)}
        if o.hostile:
            steps["beside"] = lambda: beside(server, o.hostile)
        for name, measure in steps.items():
            found[name] = measure()
            shown = "  ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in found[name].items())
            print(f"{name:12}", shown, file=sys.stderr if o.json else sys.stdout, flush=True)
    if o.json:
        print(json.dumps(found))
    wrong = o.hostile and (set(found["beside"]["statuses"]) - {200, 400} or found["beside"]["slowest_s"] > SECONDS_MAX)
    sys.exit(bool(wrong))


main()
