#!/usr/bin/env python3
"""The traces and the script that replays them.

Goal:    a trace is a session of 21 requests whose history only grows, equal for equal seeds; serve.py sends the requests of
         a session in order, reads the streams of each wire format, and counts tokens, reuse and failures exactly.
Method:  compare neighbouring requests of each trace; replay against a server of this file that speaks both formats.
"""
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from serve_load.summary import percentile, summary  # noqa: E402
from traces import edit, make  # noqa: E402


def plain(message):
    """A message without what moves from request to request: cache marks, and one text as a list or as a string."""
    content = message.get("content")
    if isinstance(content, list):
        content = [{k: v for k, v in part.items() if k != "cache_control"} for part in content]
        if [p.get("type") for p in content] == ["text"]:
            content = content[0]["text"]
    return message | {"content": content}


class Server(http.server.BaseHTTPRequestHandler):
    """Streams three tokens; reports 90 of 100 prompt tokens as reused; refuses what says so."""
    seen = []
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, [json.dumps({"data": [{"id": "listed"}]}).encode()])

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Server.seen.append((self.path, body))
        if body["model"] == "refused":
            return self.reply(429, [b'{"error": {"message": "slow down"}}'])
        wire = {"/v1/messages": self.messages, "/v1/responses": self.items}.get(self.path.split("?")[0], self.chat)
        return self.reply(200, wire())

    def chat(self):
        yield {"choices": [{"delta": {"role": "assistant", "content": ""}}]}
        for word in "abc":
            yield {"choices": [{"delta": {"content": word}}]}
        yield {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 90},
                                        "prompt_cache": {"read": 90, "why": "differs"}}}

    def messages(self):
        usage = {"input_tokens": 4, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 6, "output_tokens": 1}
        yield {"type": "message_start", "message": {"usage": usage}}
        for word in "abc":
            yield {"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}}
        yield {"type": "message_delta", "usage": usage | {"output_tokens": 3}}

    def items(self):
        yield {"type": "response.created", "response": {"usage": None}}
        for word in "abc":
            yield {"type": "response.output_text.delta", "delta": word}
        usage = {"input_tokens": 100, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 90}}
        yield {"type": "response.completed", "response": {"usage": usage}}

    def reply(self, status, parts):
        self.send_response(status)
        self.send_header("connection", "close")
        self.end_headers()
        for part in parts:
            self.wfile.write(part if isinstance(part, bytes) else b"data: " + json.dumps(part).encode() + b"\n\n")
        self.close_connection = True


class TraceTest(unittest.TestCase):
    def test_a_session_grows_by_whole_messages(self):
        for client in make.CLIENTS:
            bodies = [r["body"] for r in make.requests(client, 1)]
            self.assertEqual(len(bodies), 21, client)
            for before, after in zip(bodies, bodies[1:]):
                old, new = ([plain(m) for m in b.get("messages") or b["input"]] for b in (before, after))
                self.assertEqual(new[:len(old)], old, client)
                self.assertGreater(len(new), len(old), client)
                self.assertEqual(before["tools"], after["tools"], client)

    def test_seeds_and_scale(self):
        for client in make.CLIENTS:
            first = list(make.requests(client, 1))
            self.assertEqual(first, list(make.requests(client, 1)))
            self.assertNotEqual(first, list(make.requests(client, 2)))
            small = list(make.requests(client, 1, scale=8))
            self.assertLess(len(json.dumps(small)), len(json.dumps(first)) * 0.4, client)

    def test_sizes_are_those_recorded(self):
        """Characters of the first request: the preamble of each client."""
        for client, least, most in (("qwen-code", 65_000, 85_000), ("claude-code", 35_000, 50_000), ("codex", 28_000, 42_000),
                                    ("opencode", 25_000, 35_000)):
            size = len(json.dumps(next(make.requests(client, 3)), ensure_ascii=False))
            self.assertTrue(least < size < most, (client, size))

    def test_what_moves_in_claude_code(self):
        bodies = [r["body"] for r in make.requests("claude-code", 1)]
        self.assertIsInstance(bodies[0]["messages"][1]["content"], list)
        self.assertTrue(all(isinstance(b["messages"][1]["content"], str) for b in bodies[1:]))
        for b in bodies[1:]:
            marked = [i for i, m in enumerate(b["messages"]) if "cache_control" in json.dumps(m)]
            self.assertEqual(marked, [len(b["messages"]) - 1])
        self.assertGreater(len({b["system"][0]["text"] for b in bodies}), 1)

    def test_calls_have_results(self):
        for client in ("opencode", "qwen-code"):
            messages = list(make.requests(client, 1))[-1]["body"]["messages"]
            calls = [c["id"] for m in messages for c in m.get("tool_calls", [])]
            self.assertEqual(calls, [m["tool_call_id"] for m in messages if m["role"] == "tool"], client)
            self.assertEqual(len(set(calls)), 21, client)

    def test_calls_of_codex_have_results(self):
        items = list(make.requests("codex", 1))[-1]["body"]["input"]
        calls = [i["call_id"] for i in items if i["type"] == "function_call"]
        self.assertEqual(calls, [i["call_id"] for i in items if i["type"] == "function_call_output"])
        self.assertEqual(len(set(calls)), 21)

    def test_edit_tasks(self):
        tasks = list(edit.requests(1, tasks=3))
        self.assertEqual(tasks, list(edit.requests(1, tasks=3)))
        self.assertEqual(len({t["session"] for t in tasks}), 3)


class ServeTest(unittest.TestCase):
    def setUp(self):
        Server.seen = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def replay(self, requests, *options, end=""):
        trace, out = self.folder / "trace.jsonl", self.folder / "out.json"
        trace.write_text("".join(json.dumps(r) + "\n" for r in requests))
        url = f"http://127.0.0.1:{self.server.server_port}{end}"
        run = subprocess.run([sys.executable, HERE / "serve.py", url, trace, "--json", out, *options], capture_output=True, text=True)
        return run, json.loads(out.read_text())

    def test_each_wire_format_is_counted(self):
        for client in ("opencode", "claude-code", "codex"):
            run, out = self.replay(list(make.requests(client, 1, scale=8))[:4], "--max-tokens", "3")
            self.assertEqual(run.returncode, 0, run.stderr)
            for a in out["answers"]:
                self.assertEqual((len(a["tokens"]), a["prompt_tokens"], a["cached_tokens"], a["completion_tokens"]), (3, 100, 90, 3))
            self.assertAlmostEqual(out["figures"]["hit_ratio"], 0.9)
            self.assertIn("reused 90.0 %", run.stdout)
            self.assertTrue(all(b.get("max_tokens") or b["max_output_tokens"] == 3 for _, b in Server.seen))
            self.assertTrue(all(b["model"] == "listed" for _, b in Server.seen))

    def test_an_address_with_v1_is_the_same(self):
        for end in ("/", "/v1", "/v1/"):
            run, _ = self.replay(list(make.requests("opencode", 1, scale=8))[:1], end=end)
            self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual({path for path, _ in Server.seen}, {"/v1/chat/completions"})

    def test_a_server_that_is_not_there_is_told_in_words(self):
        run = subprocess.run([sys.executable, HERE / "serve.py", "http://127.0.0.1:1", "-"], input="", capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stderr.count("\n")), (1, 1), run.stderr)
        self.assertIn("http://127.0.0.1:1 lists no model", run.stderr)

    def test_turns_of_a_session_keep_their_order(self):
        sessions = [list(make.requests("opencode", seed, scale=8))[:5] for seed in (1, 2, 3)]
        self.replay([r for s in sessions for r in s], "--users", "3", "--rate", "50")
        for s in sessions:
            mine = [len(b["messages"]) for _, b in Server.seen if b["messages"][1] == s[0]["body"]["messages"][1]]
            self.assertEqual(mine, sorted(mine))
            self.assertEqual(len(mine), 5)

    def test_a_refusal_is_a_failure(self):
        run, out = self.replay(list(make.requests("opencode", 1, scale=8))[:2], "--model", "refused")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(out["figures"]["failed"], 2)
        self.assertIn("slow down", out["answers"][0]["error"])

    def test_what_users_of_one_server_notice(self):
        out = self.folder / "out.json"
        url = f"http://127.0.0.1:{self.server.server_port}"
        run = subprocess.run([sys.executable, HERE / "shared.py", url, "--users", "2", "--tokens", "3", "--long", "50", "--turn", "40",
                              "--warm", "0.1", "--seconds", "0.3", "--rounds", "2", "--json", out], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        for figures in json.loads(out.read_text())["rounds"]:
            self.assertAlmostEqual(figures["gain"], figures["users"] / figures["one"])
            self.assertGreater(figures["gap_free_p99"], 0)
            self.assertGreater(figures["gap_beside_silence"], 0)
            self.assertEqual(figures["turn_cached"], 90)
        texts = [m["content"] for _, b in Server.seen for m in b["messages"] if m["role"] == "user"]
        self.assertEqual(len([t for t in texts if t.startswith("Explain")]), len({t for t in texts if t.startswith("Explain")}))

    def test_percentiles(self):
        self.assertEqual([percentile(range(1, 101), p) for p in (50, 90, 99)], [50, 90, 99])
        self.assertIsNone(percentile([], 50))
        self.assertEqual(summary([], 1.0, 1, 1)["hit_ratio"], None)


if __name__ == "__main__":
    unittest.main()
