"""Random requests of every kind over three wires, and what their answers told."""
import dataclasses
import json
import random
import re
import socket
import struct

from platform_program import multipart

WORDS = "the sea is wide and the ship was small but its crew had seen many storms before this one".split()


@dataclasses.dataclass
class Told:
    """What one answer told. `whole`: its client read the end; else `tokens` is not known, but `seen`: so many came."""
    id: str
    whole: bool = True
    tokens: tuple = (0, 0, 0, 0, 0)  # of the prompt; of these read, of these written; of the answer, of these reasoning
    seen: int = 0


def of_openai(usage):
    read = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], usage
    return usage["prompt_tokens"], read, 0, usage["completion_tokens"], reasoning


def of_responses(usage):
    read, reasoning = usage["input_tokens_details"]["cached_tokens"], usage["output_tokens_details"]["reasoning_tokens"]
    return usage["input_tokens"], read, 0, usage["output_tokens"], reasoning


def of_messages(usage):
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    reasoning = (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    return usage["input_tokens"] + read + written, read, written, usage["output_tokens"], reasoning


class Mix:
    """Sends requests to a server with keys of several workspaces. Each method returns a list of Told."""

    def __init__(self, server, secrets):
        self.server, self.secrets = server, secrets

    def one(self, seed):
        """A request of a random kind; the same seed sends the same."""
        dice = random.Random(seed)
        kinds = [self.chat, self.completions, self.responses, self.messages, self.messages_kept]
        more = [self.abort, self.cut, self.retry, self.refused]
        return dice.choice(kinds * 3 + more)(dice)

    def words(self, dice):
        start = dice.randrange(4)
        return " ".join((WORDS * 8)[start:start + dice.randint(4, 40)])

    def talk(self, dice):
        return [{"role": "user", "content": self.words(dice)}]

    def tier(self, dice):
        return {"service_tier": dice.choice(["flex", "priority", "default", "auto"])} if dice.random() < 0.4 else {}

    def effort(self, dice):
        return dice.choice(["none", "low", "high"])

    def sent(self, dice, path, body, headers=None):
        """The answer to one of the keys; a 200."""
        if dice.random() < 0.5 and path != "/v1/messages":
            body = {**body, "user": dice.choice(["ada", "bo", "=1+1"])}
        answer = self.server.post(dice.choice(self.secrets), path, {"model": dice.choice(["toy", "also-toy"]), **body}, headers)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body[:500]}")
        return answer

    def openai(self, dice, path, body):
        if dice.random() < 0.5:
            answer = self.sent(dice, path, body)
            return [Told(answer.id(), tokens=of_openai(answer.json()["usage"]))]
        answer = self.sent(dice, path, {**body, "stream": True, "stream_options": {"include_usage": True}})
        return [Told(answer.id(), tokens=of_openai(answer.events()[-1]["usage"]))]

    def chat(self, dice):
        return self.openai(dice, "/v1/chat/completions", {"messages": self.talk(dice), "max_tokens": dice.randint(1, 12),
                                                          "n": dice.choice([1, 1, 3]), "reasoning_effort": self.effort(dice),
                                                          **self.tier(dice)})

    def completions(self, dice):
        prompts = [self.words(dice) for _ in range(dice.randint(1, 2))]
        return self.openai(dice, "/v1/completions", {"prompt": prompts, "max_tokens": dice.randint(1, 12), "n": dice.choice([1, 2])})

    def responses(self, dice):
        body = {"input": self.talk(dice), "max_output_tokens": dice.randint(16, 20), "store": False,
                "reasoning": {"effort": self.effort(dice)}, **self.tier(dice)}
        if dice.random() < 0.5:
            answer = self.sent(dice, "/v1/responses", {**body, "stream": True})
            return [Told(answer.id(), tokens=of_responses(answer.events()[-1]["response"]["usage"]))]
        answer = self.sent(dice, "/v1/responses", body)
        return [Told(answer.id(), tokens=of_responses(answer.json()["usage"]))]

    def messages(self, dice, **more):
        body = {"messages": self.talk(dice), "max_tokens": dice.randint(1, 12), **more}
        if dice.random() < 0.5:
            answer = self.sent(dice, "/v1/messages", body)
            return [Told(answer.id(), tokens=of_messages(answer.json()["usage"]))]
        answer = self.sent(dice, "/v1/messages", {**body, "stream": True})
        events = answer.events()
        first = next(e["message"]["usage"] for e in events if e["type"] == "message_start")
        return [Told(answer.id(), tokens=of_messages({**first, **next(e["usage"] for e in events if e["type"] == "message_delta")}))]

    def messages_kept(self, dice):
        """The client asks to keep its prompt: a write into the cache, which costs more."""
        return self.messages(dice, system=[{"type": "text", "text": " ".join(WORDS * dice.randint(3, 4)),
                                            "cache_control": {"type": "ephemeral"}}])

    def retry(self, dice):
        """One request three times, with one key for all: two of the answers are the first one again."""
        body, secret = {"model": "toy", "messages": self.talk(dice), "max_tokens": 8}, dice.choice(self.secrets)
        headers = {"idempotency-key": f"retry-{dice.random()}"}
        answers = [self.server.post(secret, "/v1/chat/completions", body, headers) for _ in range(3)]
        assert len({a.body for a in answers}) == 1, answers
        return [Told(answers[0].id(), tokens=of_openai(answers[0].json()["usage"]))]

    def refused(self, dice):
        """Nothing is booked of it."""
        answer = self.server.post(dice.choice(self.secrets), "/v1/chat/completions", {"model": "toy", "messages": "none"})
        assert answer.status == 400, answer.body
        return []

    def abort(self, dice, reset=False):
        """Leaves in the middle of a stream; with `reset` as a connection that breaks."""
        body = json.dumps({"model": "toy", "messages": self.talk(dice), "max_tokens": 400, "stream": True, "n": dice.choice([1, 2])})
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as s:
            s.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {dice.choice(self.secrets)}\r\n"
                       f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
            read, events = b"", dice.randint(1, 20)
            while read.count(b"data: ") < events and b"data: [DONE]" not in read and (more := s.recv(4096)):
                read += more
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        head = read.partition(b"\r\n\r\n")[0].decode().lower()
        id = next(l.split("req_")[1] for l in head.split("\r\n") if l.startswith("x-request-id:"))
        return [Told(id, whole=False, seen=len(re.findall(rb'"content":"[^"]', read)))]

    def cut(self, dice):
        return self.abort(dice, reset=True)

    def batch(self, seed, lines):
        """A batch of chat completions; waits for its end."""
        import time
        dice, secret = random.Random(f"batch {seed}"), self.secrets[0]
        text = "\n".join(json.dumps({"custom_id": f"line-{i}", "method": "POST", "url": "/v1/chat/completions",
                                     "body": {"model": "toy", "messages": self.talk(dice), "max_tokens": 6}}) for i in range(lines))
        body, kind = multipart("batch", "lines.jsonl", text.encode() + b"\n")
        file = self.server.ask(secret, "POST", "/v1/files", body, {"content-type": kind}).json()["id"]
        batch = self.server.post(secret, "/v1/batches", {"input_file_id": file, "endpoint": "/v1/chat/completions",
                                                         "completion_window": "24h"}).json()
        until = time.monotonic() + 300
        while batch["status"] not in ("completed", "failed", "expired", "cancelled") and time.monotonic() < until:
            time.sleep(0.1)
            batch = self.server.get(secret, "/v1/batches/" + batch["id"]).json()
        assert batch["status"] == "completed" and batch["request_counts"]["completed"] == lines, batch
        answers = self.server.get(secret, f"/v1/files/{batch['output_file_id']}/content").body.decode().splitlines()
        responses = [json.loads(line)["response"] for line in answers]
        return [Told(r["request_id"].removeprefix("req_"), tokens=of_openai(r["body"]["usage"])) for r in responses]
