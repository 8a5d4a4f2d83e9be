#!/usr/bin/env python3
"""The doors that other tests go through: null_server and cut_proxy.

Goal:    null_server answers every wire format with as many tokens as asked; cut_proxy cuts the wanted stream at the wanted
         place and nothing else.
Method:  run both, read what a client receives, compare the part before the cut with the whole stream.

  tests/doors/doors_test.py NULL_SERVER CUT_PROXY
"""
import http.client
import json
import re
import socket
import subprocess
import sys
import unittest

NULL_SERVER = CUT_PROXY = None
ROUTES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello"}]},
    "/v1/completions": {"prompt": "hello"},
    "/v1/messages": {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 100},
}


class Door:
    """A program that prints its port; ends with the test."""

    def __init__(self, test, *command):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.end)
        self.port = int(self.process.stdout.readline().split()[1])

    def end(self):
        self.process.terminate()
        self.process.communicate(timeout=20)


def ask(port, path, body):
    """(status, bytes of the body, whether it came whole)"""
    text = json.dumps({"model": "null"} | body)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n"
                  f"content-length: {len(text)}\r\n\r\n{text}".encode())
        raw = b"".join(iter(lambda: s.recv(65536), b""))
    head, _, rest = raw.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    if b"transfer-encoding: chunked" not in head.lower():
        return status, rest, True
    return status, *unchunked(rest)


def unchunked(raw):
    """(the data that arrived, whether the last chunk did)"""
    data = b""
    while b"\r\n" in raw:
        size, _, raw = raw.partition(b"\r\n")
        if int(size, 16) == 0:
            return data, True
        data += raw[:int(size, 16)]
        raw = raw[int(size, 16) + 2:]
    return data, False


def events(stream):
    return [e for e in re.split(rb"\n\n", stream) if e and not e.startswith(b":")]


def plain(stream):
    """Without what differs from answer to answer."""
    return re.sub(rb'(cmpl-|chatcmpl-|msg_)[0-9a-zA-Z]+|"created":\d+', b"", stream)


class NullServerTest(unittest.TestCase):
    def test_every_wire_format_has_the_wanted_tokens(self):
        port = Door(self, NULL_SERVER, "--tokens", 7, "--bytes", 3).port
        for path, body in ROUTES.items():
            status, whole, _ = ask(port, path, body)
            self.assertEqual(status, 200, whole)
            usage = json.loads(whole)["usage"]
            self.assertEqual(usage.get("completion_tokens", usage.get("output_tokens")), 7)
            _, stream, complete = ask(port, path, body | {"stream": True})
            self.assertTrue(complete)
            self.assertEqual(stream.count(b'"xxx"'), 7, path)

    def test_a_delay_is_kept(self):
        port = Door(self, NULL_SERVER, "--tokens", 5, "--delay-us", 20000).port
        _, stream, _ = ask(port, "/v1/chat/completions", ROUTES["/v1/chat/completions"] | {"stream": True})
        self.assertEqual(stream.count(b'"xxxx"'), 5)

    def test_a_wrong_command_line_says_how(self):
        for arguments in (["--tokens", "0"], ["--unknown", "1"], ["--port"]):
            done = subprocess.run([NULL_SERVER, *arguments], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--delay-us", done.stderr)


class CutProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = Door(self, NULL_SERVER, "--tokens", 6)

    def proxy(self, *options):
        return Door(self, CUT_PROXY, "--to", self.server.port, *options).port

    def test_each_place_of_each_event(self):
        for path, body in ROUTES.items():
            body = body | {"stream": True}
            whole = events(plain(ask(self.server.port, path, body)[1]))
            for number in (1, 2, len(whole) // 2, len(whole)):
                for where, complete_events in (("before", number - 1), ("inside", number - 1), ("after", number)):
                    _, got, complete = ask(self.proxy("--event", number, "--where", where), path, body)
                    self.assertFalse(complete, (path, number, where))
                    self.assertEqual(got.count(b"\n\n"), complete_events, (path, number, where))
                    self.assertEqual(events(plain(got))[:complete_events], whole[:complete_events])
                    rest = got.rpartition(b"\n\n")[2]
                    self.assertEqual(bool(rest), where == "inside", (path, number, where))

    def test_later_streams_and_other_answers_pass(self):
        path, body = "/v1/chat/completions", ROUTES["/v1/chat/completions"]
        port = self.proxy("--event", 2, "--times", 2)
        self.assertTrue(ask(port, path, body)[2])
        self.assertEqual([ask(port, path, body | {"stream": True})[2] for _ in range(4)], [False, False, True, True])

    def test_only_answers_to_a_wanted_request_are_cut(self):
        path, body = "/v1/chat/completions", ROUTES["/v1/chat/completions"] | {"stream": True}
        port = self.proxy("--event", 2, "--request", "the wanted one")
        self.assertEqual([ask(port, path, body | {"user": u})[2] for u in ("a", "the wanted one", "the wanted one")],
                         [True, False, True])

    def test_after_each_cut_one_stream_passes_and_the_next_is_cut_later(self):
        path, body = "/v1/chat/completions", ROUTES["/v1/chat/completions"] | {"stream": True}
        port = self.proxy("--event", 1, "--where", "after", "--times", 3, "--pass", 1, "--step", 1)
        answers = [ask(port, path, body) for _ in range(8)]
        self.assertEqual([complete for _, _, complete in answers], [False, True, False, True, False, True, True, True])
        self.assertEqual([got.count(b"\n\n") for _, got, complete in answers if not complete], [1, 2, 3])

    def test_a_stream_that_has_said_a_text_is_not_cut_any_more(self):
        path, body = "/v1/chat/completions", ROUTES["/v1/chat/completions"] | {"stream": True}
        whole = events(ask(self.server.port, path, body)[1])
        finish = next(i for i, e in enumerate(whole, 1) if b'"finish_reason":"' in e)
        self.assertLess(finish, len(whole))
        for number, where, complete in ((finish, "before", False), (finish, "after", True), (len(whole), "before", True)):
            port = self.proxy("--event", number, "--where", where, "--until", '"finish_reason":"')
            self.assertEqual(ask(port, path, body)[2], complete, (number, where))

    def test_a_second_answer_on_one_connection_is_cut_too(self):
        port = self.proxy("--event", 3)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.addCleanup(connection.close)
        for stream in (False, True):
            body = {"model": "null", "stream": stream} | ROUTES["/v1/chat/completions"]
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            if stream:
                with self.assertRaises(http.client.IncompleteRead):
                    answer.read()
            else:
                self.assertEqual(len(json.loads(answer.read())["choices"]), 1)


if __name__ == "__main__":
    CUT_PROXY, NULL_SERVER = sys.argv.pop(), sys.argv.pop()
    unittest.main()
