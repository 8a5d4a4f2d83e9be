#!/usr/bin/env python3
"""Writes code-edit tasks, one Chat request a line: the answer repeats most of a file that the prompt shows.

  bench/traces/edit.py SEED [--tasks N] [--characters N]

Drafts by prompt lookup should pay here. bench/serve.py replays the lines; each task is a session of its own.
"""
import argparse
import json
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from seeded_text import SeededText, WORDS  # noqa: E402


def task(seed, i, characters):
    text = SeededText(f"edit/{seed}/{i}")
    code = text.code("file", characters)
    names = re.findall(r"def (\w+)\(", code)
    r = text.random("wish")
    wish = f"Rename the function {r.choice(names)} to {r.choice(WORDS)}_{r.choice(WORDS)}. Change nothing else."
    return [{"role": "user", "content": f"Here is module.py:\n\n```python\n{code}```\n\n{wish} Answer with the whole new file in one code block."}]


def requests(seed, tasks=20, characters=2400):
    for i in range(tasks):
        yield {"session": f"edit-{seed}-{i}", "method": "POST", "path": "/v1/chat/completions", "headers": {},
               "body": {"messages": task(seed, i, characters), "temperature": 0, "max_tokens": characters // 2,
                        "stream": True, "stream_options": {"include_usage": True}}}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("seed", type=int)
    p.add_argument("--tasks", type=int, default=20)
    p.add_argument("--characters", type=int, default=2400, help="about, of a file")
    a = p.parse_args()
    for r in requests(a.seed, a.tasks, a.characters):
        print(json.dumps(r, ensure_ascii=False))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends quietly before `head`
    main()
