#!/usr/bin/env python3
"""Measures what speculation gains on traces: a server with it and one without answer the same requests, in turns.

    bench/speculation.py AUTARK MODEL TRACE... [--rounds N] [--users N] [--max-tokens N] [--json FILE] [-- OPTION...]

TRACE is a file of bench/traces/make.py or edit.py. Every round starts a server with `--speculate off` and one with `auto`,
in changing order, and replays the traces with bench/serve.py; OPTIONs go to both. The result is the median over the
rounds of the seconds without, divided by the seconds with it.

    bench/traces/edit.py 1 >edit.jsonl && bench/speculation.py build/release/autark qwen2.5-coder-0.5b edit.jsonl
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from autark_server import AutarkServer


def replay(o, mode):
    """The figures of bench/serve.py."""
    with AutarkServer(o.autark, o.model, "--state", "none", "--speculate", mode, *o.option) as server, \
            tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [HERE / "serve.py", server.url, *o.trace, "--users", str(o.users), "--max-tokens", str(o.max_tokens),
                   "--json", out.name]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"speculation.py: a request failed: {done.stderr[-500:]}")
        return json.load(out)["figures"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("autark")
    p.add_argument("model")
    p.add_argument("trace", nargs="+")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--users", type=int, default=1, help="sessions at a time")
    p.add_argument("--max-tokens", type=int, default=0, help="of every answer, instead of the trace's")
    p.add_argument("--json", help="writes the seconds of every round")
    own, option = sys.argv[1:], []
    if "--" in own:
        own, option = own[:own.index("--")], own[own.index("--") + 1:]
    o = p.parse_args(own, argparse.Namespace(option=option))
    rounds = []
    for i in range(o.rounds):
        order = ("off", "auto") if i % 2 == 0 else ("auto", "off")
        seconds = {mode: replay(o, mode)["seconds"] for mode in order}
        rounds.append({**seconds, "gain": seconds["off"] / seconds["auto"]})
        print(json.dumps(rounds[-1]), file=sys.stderr, flush=True)
    result = {"model": o.model, "traces": o.trace, "users": o.users, "rounds": rounds,
              "gain": statistics.median(r["gain"] for r in rounds)}
    print(f"gain {result['gain']:.3f} (the median of {o.rounds} rounds)")
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
