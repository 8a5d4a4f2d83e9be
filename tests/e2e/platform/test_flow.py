"""Goal: a new administrator goes from `platform init` to a colleague's key with a budget, a request that is refused for
that budget, and the line in the ledger; changes by commands reach a running server.

Method: the commands of the README against a server with a toy model.
"""
import json
import time
import unittest

from platform_program import Platform, Server, chat


def until(true, seconds=10):
    """Waits for something that a server notices by itself."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


class FlowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = cls.enterClassContext(Platform())
        cls.platform.prices()
        cls.server = cls.enterClassContext(Server(cls.platform))

    def test_a_budget_is_spent_and_then_refused(self):
        ada, secret = self.platform.key("ada", "--budget", "0.001CNY", "--expires", "30d")
        answered = until(lambda: (a := self.server.post(secret, "/v1/chat/completions", chat())).status == 200 and a)
        self.assertTrue(answered, "the server does not know the key")
        usage = answered.json()["usage"]
        dear = chat(max_tokens=2000)
        for path, body, status, code in (
                ("/v1/chat/completions", dear, 429, "insufficient_quota"),
                ("/v1/responses", {"model": "toy", "input": "Say hi.", "max_output_tokens": 2000}, 429, "insufficient_quota"),
                ("/v1/messages", dear, 402, "billing_error")):
            refused = self.server.post(secret, path, body)
            self.assertEqual(refused.status, status, refused.body)
            error = refused.json()["error"]
            self.assertIn(code, (error.get("code"), error["type"]))
            self.assertIn("budget", error["message"])
            self.assertEqual(refused.headers.get("x-should-retry"), "false")
            self.assertNotIn("retry-after", refused.headers)
        report = self.platform.object("usage", "--key", ada, "--by", "key,outcome", "--json")
        row, refused = report["data"]
        self.assertEqual((row["requests"], row["outcome"]), (1, "complete"))
        self.assertEqual((refused["outcome"], refused["input"], refused["output"], refused["cost"]), ("refused", 0, 0, "0"))
        self.assertEqual(row["input"] + row["cached"] + row["cache_write"], usage["prompt_tokens"])
        self.assertEqual(row["output"] + row["reasoning"], usage["completion_tokens"])
        self.assertGreater(float(row["cost"]), 0)
        self.assertIn("ada", self.platform.told("usage", "--by", "key"))
        self.assertIn("add up", self.platform.told("platform", "audit"))

    def test_commands_reach_a_running_server(self):
        key, secret = self.platform.key("bo")
        asked = lambda: self.server.get(secret, "/v1/models").status
        self.assertTrue(until(lambda: asked() == 200))
        self.platform.told("keys", "disable", key)
        self.assertTrue(until(lambda: asked() == 401))
        self.platform.told("keys", "enable", "bo")
        self.assertTrue(until(lambda: asked() == 200))
        newer = self.platform.object("keys", "rotate", key, "--overlap", "1h", "--json")["secret"]
        self.assertNotEqual(newer, secret)
        self.assertTrue(until(lambda: self.server.get(newer, "/v1/models").status == 200))
        self.assertEqual(asked(), 200, "the old secret works until the overlap ends")
        self.platform.told("limits", "set", "--key", key, "--rpm", "1")
        self.assertTrue(until(lambda: self.server.post(newer, "/v1/chat/completions", chat()).status == 429))
        self.platform.told("workspaces", "disable", "default")
        self.assertTrue(until(lambda: asked() == 401))
        self.platform.told("workspaces", "enable", "default")
        self.assertTrue(until(lambda: asked() == 200))

    def test_the_admin_api_shows_what_the_commands_show(self):
        self.platform.key("cleo", "--models", "toy", "--routes", "/v1/*", "--ips", "127.0.0.1,10.0.0.0/8", "--rpm", "60")
        for path, words in (("/admin/v1/workspaces", ["workspaces", "list"]), ("/admin/v1/prices", ["platform", "prices", "list"]),
                            ("/admin/v1/members", ["members", "list"])):
            there = self.server.get(self.platform.admin, path)
            self.assertEqual(there.status, 200, there.body)
            self.assertEqual(there.json(), self.platform.object(*words, "--json"), path)

    def test_errors_name_the_thing_and_the_way_out(self):
        for words, part in (
                (["keys", "show", "nobody"], "nobody"), (["keys", "create", "x", "--workspace", "nowhere"], "nowhere"),
                (["keys", "create", "x", "--workspace", "default", "--budget", "5USD"], "CNY"),
                (["limits", "set"], "--rpm"), (["platform", "deposit", "--amount", "5"], "5"),
                (["usage", "--by", "moon"], "minute"), (["platform", "migrate", "--to", "99"], "99"),
                (["members", "change", "nobody"], "--roles"), (["platform", "init", "--dir", self.platform.folder], "team")):
            done = self.platform.run(*words, platform=words[:2] != ["platform", "init"])
            self.assertEqual(done.returncode, 1, words)
            self.assertTrue(done.stderr.startswith("autark: "), done.stderr)
            self.assertIn(part, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_an_api_key_beside_a_platform_is_refused(self):
        done = self.platform.run("serve", "--api-key", "secret", "--port", "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--api-key", done.stderr)

    def test_no_secret_is_left_anywhere(self):
        key, secret = self.platform.key("dee")
        made = self.platform.object("members", "create", "dee", "--json")
        self.assertTrue(until(lambda: self.server.get(secret, "/v1/models").status == 200))
        self.server.get(secret + "x", "/v1/models")
        secrets = [secret.encode(), made["password"].encode(), self.platform.admin.encode()]
        for file in [*self.platform.folder.iterdir(), self.platform.folder.parent / "server.log"]:
            content = file.read_bytes()
            for one in secrets:
                self.assertNotIn(one, content, file.name)
        listed = self.platform.told("keys", "show", key) + json.dumps(self.platform.object("keys", "list", "--json"))
        self.assertNotIn(secret, listed)

    def test_a_password_comes_from_a_file_or_standard_input(self):
        self.platform.told("members", "create", "eve", "--password-file", "-", text="correct horse battery\n")
        done = self.platform.run("members", "create", "fay", "--password-file", "-", text="short\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("12", done.stderr)


if __name__ == "__main__":
    unittest.main()
