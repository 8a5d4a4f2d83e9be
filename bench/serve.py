#!/usr/bin/env python3
"""Replays traces against any server of the OpenAI or Anthropic API and reports its speed.

  bench/serve.py URL TRACE... [--users N] [--rate R] [--max-tokens N] [--model NAME] [--json FILE]

URL is the server's root (http://127.0.0.1:8080); a /v1 at its end does not matter. TRACE is a file of bench/traces/make.py or edit.py, or - for standard
input. The requests of a session are sent one after the other; sessions start at random (Poisson arrivals, R a second; all
at once without --rate), at most N at a time. Answers are streamed.

  bench/traces/make.py qwen-code 1 | bench/serve.py http://127.0.0.1:8080 - --max-tokens 32
"""
import argparse
import dataclasses
import json
import random
import sys
import threading
import time
import urllib.request

from serve_load.stream import ask
from serve_load.summary import summary, table


def read_sessions(names, model, max_tokens, turns):
    """{session: [request, …]} in the order of the files."""
    sessions = {}
    for name in names:
        with (sys.stdin if name == "-" else open(name, encoding="utf-8")) as lines:
            for line in lines:
                r = json.loads(line)
                r["body"]["model"] = model
                if max_tokens:
                    r["body"]["max_output_tokens" if r["path"].startswith("/v1/responses") else "max_tokens"] = max_tokens
                sessions.setdefault(r["session"], []).append(r)
    return {k: v[:turns or None] for k, v in sessions.items()}


def root_of(url):
    """The address without the /v1 that OpenAI's clients want, because the paths of traces begin with it."""
    return url.rstrip("/").removesuffix("/v1")


def first_model(url, key):
    """The first model that the server lists."""
    request = urllib.request.Request(url.rstrip("/") + "/v1/models", headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"][0]["id"]


class Run:
    """Plays sessions on threads; `answers` holds what came back."""

    def __init__(self, options):
        self.options, self.answers, self.lock = options, [], threading.Lock()
        self.room = threading.Semaphore(options.users)
        self.start = time.monotonic()

    def play(self, requests, wait):
        time.sleep(wait)
        with self.room:
            for turn, request in enumerate(requests):
                answer = ask(self.options.url, request, self.options.key, turn, self.start, self.options.timeout)
                with self.lock:
                    self.answers.append(answer)
                    self.show(answer)

    def show(self, a):
        state = f"{1000 * a.first():.0f} ms to the first token" if a.ok() else f"failed: {a.status} {a.error[:120]}"
        line = f"{len(self.answers):5} answers, last: {a.session} turn {a.turn + 1}, {state}"
        print(f"\r{line}\033[K", end="", file=sys.stderr)

    def all(self, sessions):
        arrivals, at = random.Random(self.options.seed), 0.0
        threads = []
        for requests in sessions.values():
            threads.append(threading.Thread(target=self.play, args=(requests, at), daemon=True))
            threads[-1].start()
            at += arrivals.expovariate(self.options.rate) if self.options.rate else 0
        for t in threads:
            t.join()
        print(file=sys.stderr)
        return time.monotonic() - self.start


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("url")
    p.add_argument("trace", nargs="+")
    p.add_argument("--users", type=int, default=8, help="sessions at a time")
    p.add_argument("--rate", type=float, default=0, help="sessions that start a second, on average")
    p.add_argument("--seed", type=int, default=1, help="of the arrivals")
    p.add_argument("--max-tokens", type=int, default=0, help="of every answer, instead of the trace's")
    p.add_argument("--turns", type=int, default=0, help="only so many requests of each session")
    p.add_argument("--model", help="that the requests name; default: the first that the server lists")
    p.add_argument("--key", default="none")
    p.add_argument("--timeout", type=float, default=600, help="seconds without a byte")
    p.add_argument("--good-first", type=float, default=2, help="seconds to the first token of a good answer")
    p.add_argument("--good-gap", type=float, default=0.2, help="seconds of a good answer's median gap")
    p.add_argument("--json", help="writes the figures and every answer")
    options = p.parse_args()
    options.url = root_of(options.url)
    try:
        model = options.model or first_model(options.url, options.key)
    except (OSError, ValueError, LookupError) as e:
        sys.exit(f"serve.py: {options.url} lists no model: {e}; is the server there? --model names one")
    run = Run(options)
    seconds = run.all(read_sessions(options.trace, model, options.max_tokens, options.turns))
    figures = summary(run.answers, seconds, options.good_first, options.good_gap)
    print(table(figures))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"options": vars(options), "figures": figures, "answers": [dataclasses.asdict(a) for a in run.answers]}, out)
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
