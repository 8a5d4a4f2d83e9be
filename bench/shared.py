#!/usr/bin/env python3
"""Measures what several users of one server notice, on any server of the OpenAI API.

  bench/shared.py URL [--users 8] [--tokens 128] [--long 16000] [--turn 15000] [--rounds 3] [--model NAME] [--json FILE]

Every round takes, in this order:

  one, users   tokens per second of one user, and of --users at the same time; answers of --tokens tokens each
  gaps         99th percentile of the time between two pieces of a user's answer, while --users stream without a pause; and
               the same while one more user's prompt of --long tokens arrives and is read; and how long that took; and the
               longest time for which one of the users got nothing, the wait for a first piece included
  second turn  time to the first token of a conversation of --turn tokens, then of its second turn with up to 300 more, and
               their ratio

Every text depends on the round, so that no server knows a prompt before it is meant to. --long 0 and --turn 0 leave these
parts out. Run two servers in turns, with --rounds 1, to compare them.
"""
import argparse
import json
import statistics
import sys
import threading
import time

from serve import first_model
from serve_load.stream import ask
from serve_load.summary import percentile
from traces.seeded_text import SeededText


class Client:
    """Sends Chat requests to one server."""

    def __init__(self, o):
        self.o, self.start, self.letters_per_token = o, time.monotonic(), 3.0

    def ask(self, messages, tokens, user):
        body = {"model": self.o.model, "messages": messages, "max_tokens": tokens, "temperature": 0, "ignore_eos": True,
                "stream": True, "stream_options": {"include_usage": True}, "user": user}
        request = {"session": user, "path": "/v1/chat/completions", "headers": {}, "body": body}
        answer = ask(self.o.url, request, self.o.key, 0, self.start, self.o.timeout)
        if not answer.ok():
            sys.exit(f"\n{user}: {answer.status} {answer.error}")
        return answer

    def short(self, name):
        text = SeededText(name).code("short", 600)
        return [{"role": "user", "content": f"Explain this code line by line:\n\n{text}"}]

    def long(self, name, tokens):
        """About `tokens` tokens; learns from every answer how long a token is."""
        text = SeededText(name).code("long", int(tokens * self.letters_per_token))
        return [{"role": "user", "content": f"{text}\nSay in one sentence what this module does."}]

    def calibrate(self, name):
        messages = self.long(name, 1500)
        self.letters_per_token = len(messages[0]["content"]) / self.ask(messages, 1, name).prompt_tokens


def tokens_per_second(client, name, users):
    answers, begun = [], time.monotonic()

    def run(user):
        answers.append(client.ask(client.short(f"{name}/{user}"), client.o.tokens, f"user{user}"))
    threads = [threading.Thread(target=run, args=(u,)) for u in range(users)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(a.completion_tokens for a in answers) / (time.monotonic() - begun)


class Streams:
    """Users that stream one answer after the other until they are stopped."""

    def __init__(self, client, name):
        self.client, self.name, self.answers, self.over = client, name, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(u,)) for u in range(client.o.users)]
        for t in self.threads:
            t.start()

    def _run(self, user):
        count = 0
        while not self.over.is_set():
            count += 1
            self.answers.append(self.client.ask(self.client.short(f"{self.name}/{user}/{count}"), self.client.o.tokens, f"user{user}"))

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()

    def gaps(self, begin, end):
        """Gaps between pieces of answers that ended within [begin, end], seconds on the monotonic clock."""
        out = []
        for a in self.answers:
            at = [self.client.start + a.sent + t for t in a.tokens]
            out += [y - x for x, y in zip(at, at[1:]) if begin <= y <= end]
        return out

    def longest_silence(self, begin, end):
        """The longest wait for a piece, the first of an answer included, that overlaps [begin, end]."""
        waits = []
        for a in self.answers:
            at = [self.client.start + a.sent] + [self.client.start + a.sent + t for t in a.tokens]
            waits += [y - x for x, y in zip(at, at[1:]) if y >= begin and x <= end]
        return max(waits, default=None)


def gaps(client, name):
    o, streams = client.o, Streams(client, name)
    time.sleep(o.warm)
    begin = time.monotonic()
    time.sleep(o.seconds)
    arrival = time.monotonic()
    long = client.ask(client.long(name, o.long), 1, "newcomer")
    end = time.monotonic()
    streams.stop()
    free, beside = streams.gaps(begin, arrival), streams.gaps(arrival, end)
    return {"free_p50": percentile(free, 50), "free_p99": percentile(free, 99), "beside_p50": percentile(beside, 50),
            "beside_p99": percentile(beside, 99), "beside_largest": max(beside, default=None),
            "beside_silence": streams.longest_silence(arrival, end), "long_tokens": long.prompt_tokens, "long_first": long.first(),
            "pieces_beside_per_second": len(beside) / (end - arrival)}


def second_turn(client, name):
    messages = client.long(name, client.o.turn)
    cold = client.ask(messages, 16, "returning")
    more = SeededText(name).prose("more", int(200 * client.letters_per_token))
    messages = messages + [{"role": "assistant", "content": "It computes totals."}, {"role": "user", "content": more}]
    warm = client.ask(messages, 16, "returning")
    return {"tokens": cold.prompt_tokens, "more": warm.prompt_tokens - cold.prompt_tokens, "cold": cold.first(), "warm": warm.first(),
            "cached": warm.cached_tokens, "ratio": warm.first() / cold.first()}


def one_round(client, name):
    o = client.o
    figures = {"one": tokens_per_second(client, name + "/one", 1), "users": tokens_per_second(client, name + "/users", o.users)}
    figures["gain"] = figures["users"] / figures["one"]
    if o.long:
        figures |= {f"gap_{k}": v for k, v in gaps(client, name + "/gaps").items()}
        figures["gap_ratio"] = figures["gap_beside_p99"] / figures["gap_free_p99"]
    if o.turn:
        figures |= {f"turn_{k}": v for k, v in second_turn(client, name + "/turn").items()}
    return figures


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("url")
    p.add_argument("--users", type=int, default=8)
    p.add_argument("--tokens", type=int, default=128, help="of an answer")
    p.add_argument("--long", type=int, default=16000, help="tokens of the prompt that arrives beside the streams")
    p.add_argument("--turn", type=int, default=15000, help="tokens of the conversation whose second turn is timed")
    p.add_argument("--warm", type=float, default=5, help="seconds before gaps count")
    p.add_argument("--seconds", type=float, default=20, help="of streams alone")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seed", default="1")
    p.add_argument("--model")
    p.add_argument("--key", default="none")
    p.add_argument("--timeout", type=float, default=1800, help="seconds without a byte")
    p.add_argument("--json", help="writes every round's figures")
    o = p.parse_args()
    o.model = o.model or first_model(o.url, o.key)
    client, rounds = Client(o), []
    client.calibrate(f"{o.seed}/calibrate")
    for r in range(o.rounds):
        print(f"\rround {r + 1} of {o.rounds}", end="", file=sys.stderr, flush=True)
        rounds.append(one_round(client, f"{o.seed}/{r}"))
    print(file=sys.stderr)
    for key in rounds[0]:
        values = [r[key] for r in rounds]
        print(f"{key:26}{statistics.median(values):12.4f}   " + " ".join(f"{v:.4f}" for v in values))
    if o.json:
        with open(o.json, "w", encoding="utf-8") as out:
            json.dump({"options": vars(o), "rounds": rounds}, out)


if __name__ == "__main__":
    main()
