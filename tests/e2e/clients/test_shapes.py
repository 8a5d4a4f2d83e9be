"""Goal: nothing is refused that a client needs: every kind of request that the clients send, at each moment of a session,
gets a whole answer; what a right server refuses gets an error in its dialect's form.

Method: the requests of shapes.py, sent without any client's package. Where the recorded requests themselves are on this
machine (AUTARK_SHARED, or ../shared), their own program sends them, too.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import unittest
import urllib.parse

from plain_client import PlainClient
from program import KEY, served
from shapes import MESSAGES, REFUSED, REQUESTS

ROOT = pathlib.Path(os.environ["AUTARK_ROOT"])
SHARED = pathlib.Path(os.environ.get("AUTARK_SHARED", ROOT.parent / "shared"))
REPLAY = SHARED / "spec/clients/replay.py"
# Every client of the specification that has a request here.
CLIENTS = {"codex", "claude-code", "opencode", "opencode-anthropic", "opencode-openai", "qwen-code", "aider", "openai", "openai-node",
           "openai-python", "anthropic", "anthropic-node", "anthropic-python", "ai-anthropic", "ai-openai", "ai-openai-chat",
           "ai-openai-compatible", "ai-deepseek", "langchain-openai", "langchain-anthropic", "litellm-openai", "litellm-anthropic",
           "lm-eval", "guidellm"}


def events_of(raw):
    return [line[6:] for line in raw.decode().split("\n") if line.startswith("data: ")]


def fault_of_stream(path, events):
    """Why a stream is not whole; None if it is."""
    bodies = [json.loads(e) for e in events if e != "[DONE]"]
    if any(b.get("error") or b.get("type") in ("error", "response.failed") for b in bodies):
        return "an error in the stream"
    last = bodies[-1].get("type") if bodies else None
    if "/responses" in path:
        return None if last in ("response.completed", "response.incomplete") else f"ends with {last}"
    if "/messages" in path:
        return None if last == "message_stop" else f"ends with {last}"
    ends = [c for b in bodies for c in b["choices"] if c.get("finish_reason")]
    return None if ends and events[-1] == "[DONE]" else "no finish, or no [DONE]"


def fault_of(path, body, status, raw):
    if status != 200:
        return f"{status} {raw[:300].decode(errors='replace')}"
    if body and body.get("stream"):
        return fault_of_stream(path, events_of(raw))
    if path == "/health":
        return None
    return "an error in a 200" if json.loads(raw).get("error") else None


def bounded(body):
    limits = {n: min(body[n], 16) for n in ("max_tokens", "max_completion_tokens", "max_output_tokens") if n in body}
    return {**body, **limits, **({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1040}
                                 if (body.get("thinking") or {}).get("type") == "enabled" else {})}


class ShapesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(served("shapes-model"))
        cls.server = PlainClient(cls.url)

    def test_every_client_is_here(self):
        counted = collections.Counter(client for client, *_ in REQUESTS)
        self.assertEqual(set(counted), CLIENTS)
        self.assertGreaterEqual(sum(counted.values()), 130)

    def test_nothing_is_refused_that_a_client_needs(self):
        for client, what, method, path, headers, body in REQUESTS:
            with self.subTest(client=client, what=what):
                asked = bounded(body) if body else None
                status, raw = self.server.ask(path, asked, headers, method)
                self.assertIsNone(fault_of(path, asked, status, raw))

    def test_what_a_right_server_refuses(self):
        for client, what, path, headers, body, expected in REFUSED:
            with self.subTest(client=client, what=what):
                status, raw = self.server.ask(path, body, headers)
                self.assertEqual(status, expected, raw)
                error = json.loads(raw)["error"]
                self.assertTrue(error["message"] and error["type"])
                self.assertEqual("code" in error, path != MESSAGES)

    @unittest.skipUnless(REPLAY.exists(), f"the recorded requests are not on this machine ({REPLAY})")
    def test_the_recorded_requests(self):
        port = urllib.parse.urlsplit(self.url).port
        done = subprocess.run([sys.executable, REPLAY, str(port), KEY, "model"], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
