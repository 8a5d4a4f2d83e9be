"""Goal: usage is one number: in whole answers and streams of all dialects, in stored objects, and in /metrics.

Method: a thousand requests of seeded kinds, several at a time. The sum of what the answers say must be what the metrics
gained. An aborted stream's client cannot know its usage; a cancelled background answer's is read from its stored object.
"""
import json
import random
import socket
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from program import KEY, metric, served

REQUESTS, AT_ONCE = 1000, 6
METRICS = ("autark_prompt_tokens_total", "autark_cached_tokens_total", "autark_completion_tokens_total")


class Server:
    def __init__(self, url):
        self.url = url

    def ask(self, path, body=None):
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode(), headers={
            "authorization": "Bearer " + KEY, "content-type": "application/json", "anthropic-version": "2023-06-01"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def events(self, path, body):
        text = self.ask(path, {**body, "stream": True})
        return [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]

    def abort(self, path, body):
        """Leaves in the middle of a stream."""
        raw = json.dumps({**body, "stream": True}).encode()
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as s:
            s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
            s.recv(300)


def of_openai(usage):
    details = usage.get("prompt_tokens_details") or {}
    if usage["total_tokens"] != usage["prompt_tokens"] + usage["completion_tokens"]:
        raise AssertionError(usage)
    return usage["prompt_tokens"], details.get("cached_tokens", 0), usage["completion_tokens"]


def of_responses(usage):
    return usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]


def of_messages(usage):
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    return usage["input_tokens"] + read + written, read, usage["output_tokens"]


def chat(server, dice, streamed):
    body = {"model": "model", "messages": conversation(dice), "max_tokens": dice.randint(1, 12), "n": dice.choice([1, 1, 3])}
    if not streamed:
        return of_openai(json.loads(server.ask("/v1/chat/completions", body))["usage"])
    events = server.events("/v1/chat/completions", {**body, "stream_options": {"include_usage": True}})
    return of_openai(events[-1]["usage"])


def completions(server, dice, streamed):
    body = {"model": "model", "prompt": [words(dice) for _ in range(dice.randint(1, 2))], "max_tokens": dice.randint(1, 12),
            "n": dice.choice([1, 2])}
    if not streamed:
        return of_openai(json.loads(server.ask("/v1/completions", body))["usage"])
    events = server.events("/v1/completions", {**body, "stream_options": {"include_usage": True}})
    return of_openai(events[-1]["usage"])


def responses(server, dice, streamed):
    body = {"model": "model", "input": conversation(dice), "max_output_tokens": dice.randint(16, 20)}
    if streamed:
        answer = server.events("/v1/responses", body)[-1]["response"]
    else:
        answer = json.loads(server.ask("/v1/responses", body))
    kept = json.loads(server.ask("/v1/responses/" + answer["id"]))
    if kept["usage"] != answer["usage"]:
        raise AssertionError((kept["usage"], answer["usage"]))
    return of_responses(answer["usage"])


def messages(server, dice, streamed):
    body = {"model": "model", "messages": conversation(dice), "max_tokens": dice.randint(1, 12)}
    if not streamed:
        return of_messages(json.loads(server.ask("/v1/messages", body))["usage"])
    events = server.events("/v1/messages", body)
    usage = next(e["message"]["usage"] for e in events if e["type"] == "message_start")
    return of_messages({**usage, **next(e["usage"] for e in events if e["type"] == "message_delta")})


def cancelled(server, dice, _):
    """A background answer that is cancelled: its stored object says what was counted."""
    answer = json.loads(server.ask("/v1/responses", {"model": "model", "input": conversation(dice), "background": True}))
    kept = json.loads(server.ask(f"/v1/responses/{answer['id']}/cancel", {}))
    return of_responses(kept["usage"]) if kept.get("usage") else (0, 0, 0)


KINDS = [chat, completions, responses, messages]


def words(dice):
    return " ".join(dice.choice(["alpha", "beta", "gamma", "delta"]) for _ in range(dice.randint(3, 60)))


def conversation(dice):
    return [{"role": "user", "content": words(dice)}]


class UsageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.enterClassContext(served("session-model")))

    def counted(self):
        return tuple(metric(self.server.url, m) for m in METRICS)

    def gain(self, jobs):
        """(the sum of what the jobs return, what the metrics gained)"""
        before = self.counted()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = list(pool.map(lambda job: job(), jobs))
        return tuple(map(sum, zip(*told))), tuple(b - a for a, b in zip(before, self.counted()))

    def test_a_thousand_requests(self):
        def job(seed):
            dice = random.Random(seed)
            kind = dice.choice([*KINDS, *KINDS, cancelled])
            return lambda: kind(self.server, dice, dice.random() < 0.5)
        told, counted = self.gain([job(i) for i in range(REQUESTS)])
        self.assertEqual(told, counted)

    def test_dialects_count_one_prompt_alike(self):
        told = {kind.__name__: kind(self.server, random.Random(1), s)[0] for kind in (responses, messages) for s in (0, 1)}
        body = {"model": "model", "messages": conversation(random.Random(1)), "max_tokens": 1}
        told["chat"] = of_openai(json.loads(self.server.ask("/v1/chat/completions", body))["usage"])[0]
        told["count_tokens"] = json.loads(self.server.ask("/v1/messages/count_tokens", body))["input_tokens"]
        self.assertEqual(len(set(told.values())), 1, told)

    def test_aborted_streams_are_counted(self):
        body = {"model": "model", "messages": [{"role": "user", "content": "go"}], "n": 4}
        before, gone = self.counted(), metric(self.server.url, "autark_requests_cancelled_total")
        for _ in range(20):
            self.server.abort("/v1/chat/completions", body)
        self.server.ask("/v1/messages", {**{k: body[k] for k in ("model", "messages")}, "max_tokens": 1})
        after = self.counted()
        left = metric(self.server.url, "autark_requests_cancelled_total") - gone
        self.assertGreater(left, 0)
        self.assertGreaterEqual(after[0] - before[0], left)


if __name__ == "__main__":
    unittest.main()
