"""Goal: no key, password, session or TOTP secret is in a log, a file, an answer, the process's arguments or, once its request is
answered, in the memory of the server; no prompt is in a log; wrong keys by the thousands do not lock out the right one.

Method: a server is used in every way in which it gets or makes secrets, over HTTP and over TLS, on connections that close and
on one that stays open; clients also put keys and prompts where they do not belong. Then all places are searched for them.
Memory is read as a debugger does, which needs its rights: others cannot, as the server may not be dumped.
"""
import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import struct
import subprocess
import time
import unittest

import memory
from platform_program import Platform, Server, chat, multipart

PROMPT = "zanzibar-of-the-prompt"
SMALL = ("--state-memory", "20000000")  # so that there is less to search


def code_of(secret):
    """The one-time code of now."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    return f"{(struct.unpack('>I', digest[digest[-1] & 15:][:4])[0] & 0x7fffffff) % 10**6:06}"


class TlsServer(Server):
    def connect(self, timeout=120):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=ssl._create_unverified_context())


class Use:
    """Uses a server; `secrets` has what must not be found, by name."""

    def __init__(self, platform, server):
        self.platform, self.server = platform, server
        self.secrets, self.texts = {}, []
        self.open = server.connect()  # stays open

    def keep(self, name, secret):
        self.secrets[name] = secret.encode()
        return secret

    def ask(self, method, path, body=None, headers=None):
        """On the connection that stays open."""
        self.open.request(method, path, body and json.dumps(body), {"content-type": "application/json", **(headers or {})})
        answer = self.open.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text}")
        return answer, json.loads(text or b"{}")

    def keys(self, name):
        server, admin = self.server, self.platform.admin
        secret = self.keep("key", self.platform.key(name)[1])
        self.keep("administrator's key", admin)
        made = self.ask("POST", "/admin/v1/keys", {"name": name + "-2", "workspace": "default"}, {"x-api-key": admin})[1]
        self.keep("created key", made["secret"])
        until = time.monotonic() + 10
        while server.get(secret, "/v1/models").status != 200 and time.monotonic() < until:
            time.sleep(0.05)
        for key in (secret, made["secret"]):
            for more in ({}, {"stream": True}, {"tools": "none"}):
                server.post(key, "/v1/chat/completions", chat(PROMPT, **more))
            server.ask("", "POST", "/v1/messages", chat(PROMPT), {"x-api-key": key})
            self.ask("POST", "/v1/responses", {"model": "toy", "input": PROMPT, "max_output_tokens": 16}, {"x-api-key": key})
        self.keep("rotated key", self.ask("POST", f"/admin/v1/keys/{made['id']}/rotate", {}, {"x-api-key": admin})[1]["secret"])
        return secret

    def session(self, name):
        password = self.platform.object("members", "create", name, "--roles", "system", "--json")["password"]
        answer, signed = self.ask("POST", "/admin/v1/sessions", {"name": name, "password": self.keep("password", password)})
        session = self.keep("session", answer.headers["set-cookie"].split(";")[0].split("=")[1])
        headers = {"cookie": "autark_session=" + session, "x-autark-csrf": self.keep("csrf text", signed["csrf"])}
        totp = self.keep("TOTP secret", self.ask("POST", "/admin/v1/me/totp", {}, headers)[1]["secret"])
        self.secrets["TOTP bytes"] = base64.b32decode(totp)
        self.ask("POST", "/admin/v1/me/totp/confirm", {"code": code_of(totp)}, headers)
        new = self.keep("new password", "correct horse battery " + name)
        self.ask("POST", "/admin/v1/me/password", {"old": password, "new": new}, headers)
        other = self.ask("POST", "/admin/v1/members", {"name": name + "-2", "roles": ["developer"], "workspaces": []}, headers)[1]
        self.keep("made password", other["password"])
        given = self.keep("given password", "twelve-to-15")
        self.ask("POST", "/admin/v1/members", {"name": name + "-3", "roles": ["developer"], "workspaces": [], "password": given}, headers)
        self.server.ask("", "POST", "/admin/v1/sessions", {"name": name, "password": password + "?"})

    def misplaced(self, secret):
        """Keys and prompts where they do not belong."""
        server = self.server
        for key in (secret, self.platform.admin):
            for path in ("/{}", "/v1/files/{}", "/v1/models/{}", "/v1/responses/{}", "/v1/models?key={}", "/admin/v1/keys/{}",
                         "/admin/v1/usage?by={}", "/v1/batches?after={}"):
                server.get(key, path.format(secret))
        for name in (secret, PROMPT):
            for body in (chat(PROMPT, **{name: 1}) if name == secret else chat(PROMPT), chat(PROMPT, model=name),
                         chat(PROMPT, tool_choice=name), chat(PROMPT, response_format={"type": name}), chat(PROMPT, messages=name),
                         chat(PROMPT, messages=[{"role": name, "content": 5}])):
                for path in ("/v1/chat/completions", "/v1/messages", "/v1/completions", "/v1/responses"):
                    server.post(secret, path, body)
            server.ask(secret, "POST", "/v1/chat/completions", f'{{"model": "toy", "messages": {name}'.encode())
            server.ask(secret, "POST", "/v1/chat/completions", chat(PROMPT), {"idempotency-key": name, "x-request-id": name})
        line = json.dumps({"custom_id": PROMPT, "method": "POST", "url": "/v1/chat/completions", "body": chat(PROMPT, model=PROMPT)})
        body, kind = multipart("batch", "lines.jsonl", f"{line}\n{PROMPT}\n".encode())
        file = server.ask(secret, "POST", "/v1/files", body, {"content-type": kind}).json()["id"]
        server.post(secret, "/v1/batches", {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"})

    def others_come(self):
        """Requests without any of the secrets, on all threads."""
        for i in range(5):
            self.server.post("ak-unknown", "/v1/chat/completions", chat("hello"))
            self.server.ask("", "POST", "/admin/v1/sessions", {"name": f"nobody-{i}", "password": "unknown"})
            self.server.get("ak-unknown", "/admin/v1/keys")
        time.sleep(0.2)

    def answers(self):
        """What others may see."""
        admin = self.platform.admin
        for path in ("/admin/v1/keys", "/admin/v1/members", "/admin/v1/sessions", "/admin/v1/me", "/admin/v1/usage?by=key,user,model",
                     "/admin/v1/usage.csv?by=minute,key,user", "/admin/v1/limits", "/admin/openapi.json", "/openapi.json", "/metrics",
                     "/", "/health", "/ready"):
            yield path, self.server.get(admin, path).body
        for words in (["keys", "list", "--json"], ["members", "list"], ["platform", "show"], ["usage", "--csv"], ["keys", "--help"],
                      ["platform", "audit"], ["serve", "--help"]):
            yield " ".join(words), self.platform.told(*words, platform="--help" not in words).encode()


class SecretsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = cls.enterClassContext(Platform())
        cls.scratch = cls.platform.folder.parent
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out",
                        "chain.pem"], cwd=cls.scratch, check=True, capture_output=True)
        tls = ("--tls-cert", cls.scratch / "chain.pem", "--tls-key", cls.scratch / "key.pem")
        cls.uses = [Use(cls.platform, cls.enterClassContext(server)) for server in
                    (Server(cls.platform, *SMALL), TlsServer(cls.platform, *SMALL, *map(str, tls)))]
        for i, use in enumerate(cls.uses):
            use.misplaced(use.keys(f"ada-{i}"))
            use.session(f"boss-{i}")

    def expect_none_in(self, text, where, *more):
        for use in self.uses:
            for name, secret in [*use.secrets.items(), *more]:
                self.assertFalse(secret in text, f"{name} is in {where}")

    def test_memory_forgets_them(self):
        try:
            open(f"/proc/{self.uses[0].server.process.pid}/mem", "rb").close()
        except PermissionError:
            self.skipTest("only root may read the memory of a server that may not be dumped")
        for use in self.uses:
            until = time.monotonic() + 20  # threads end their last work, and overwrite their stacks with what comes next
            while (left := memory.found(use.server.process.pid, use.secrets)) and time.monotonic() < until:
                use.others_come()
            self.assertEqual(left, {}, type(use.server).__name__)

    def test_files_and_logs_have_none(self):
        self.platform.told("platform", "backup", self.scratch / "copy")
        for file in [*self.platform.folder.iterdir(), self.scratch / "copy"]:
            self.expect_none_in(file.read_bytes(), file.name)
        log = (self.scratch / "server.log").read_bytes()
        self.assertIn(b"/v1/files/* 404", log, "requests that fail are logged")
        self.expect_none_in(log, "the log", ("a prompt", PROMPT.encode()))

    def test_answers_to_others_have_none(self):
        for use in self.uses:
            for where, text in use.answers():
                self.expect_none_in(text, where)

    def test_arguments_and_environment_have_none(self):
        for use in self.uses:
            for file in ("cmdline", "environ"):
                with open(f"/proc/{use.server.process.pid}/{file}", "rb") as opened:
                    self.expect_none_in(opened.read(), file)

    def test_ten_thousand_wrong_keys_do_not_lock_out_the_right_one(self):
        """All from one address, pipelined; in between the right key is asked for."""
        server, right = self.uses[0].server, self.uses[0].secrets["key"].decode()
        ask = lambda key: f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n".encode()
        counts = {}
        for block in range(20):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as s:
                s.sendall(b"".join(ask(f"ak-{block:08}-{i:043}") for i in range(500)))
                s.shutdown(socket.SHUT_WR)
                answers = b"".join(iter(lambda: s.recv(1 << 16), b""))
            for status in (b"401", b"429"):
                counts[status] = counts.get(status, 0) + answers.count(b"HTTP/1.1 " + status)
            self.assertEqual(server.get(right, "/v1/models").status, 200)
        self.assertEqual(sum(counts.values()), 10_000, counts)
        self.assertLess(counts[b"401"], 100, "they are slowed down")


if __name__ == "__main__":
    unittest.main()
