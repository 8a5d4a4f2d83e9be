#!/usr/bin/env python3
"""Writes the 21 requests of a coding agent's session, one JSON object a line: {session, method, path, headers, body}.

  bench/traces/make.py CLIENT SEED [--scale N]

CLIENT: claude-code, codex, opencode, qwen-code. Each request has the whole history so far. SEED decides every text; N
divides the lengths of the texts (8 suits toy checkpoints). bench/serve.py replays the lines.
"""
import argparse
import importlib
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from seeded_text import SeededText  # noqa: E402
from session import steps  # noqa: E402

CLIENTS = ("claude-code", "codex", "opencode", "qwen-code")


def requests(client, seed, scale=1):
    shape = importlib.import_module("shapes." + client.replace("-", "_"))
    text = SeededText(f"{client}/{seed}", scale)
    script = steps(text)
    for turn in range(len(script) + 1):
        yield {"session": f"{client}-{seed}", "method": "POST", "path": shape.PATH, "headers": shape.HEADERS,
               "body": shape.body(text, script[:turn])}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("client", choices=CLIENTS)
    p.add_argument("seed", type=int)
    p.add_argument("--scale", type=int, default=1)
    a = p.parse_args()
    if a.scale < 1:
        p.error("--scale: at least 1")
    for r in requests(a.client, a.seed, a.scale):
        print(json.dumps(r, ensure_ascii=False))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends quietly before `head`
    main()
